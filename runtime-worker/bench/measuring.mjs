// What the benches share: figures, free ports, and the CPU time of a process.

import { readFileSync } from "node:fs";
import { createServer } from "node:net";

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

export const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** User and system time so far, in microseconds; Linux counts in hundredths of a second. */
export function cpuMicros(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
