// The build for trials, served in workerd for a test file.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const worker = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Starts `./serve` with `args` and gives the addresses that it listens on by name (`listening`, `cron`, `kv`: those that are waited for), its `log` line
 * by line, and `stop`, which resolves to its exit code. Nothing listens at the database's port: what needs one fails, and must fail well.
 */
export async function serve(args, names) {
  const env = {
    PATH: process.env.PATH,
    JWT_SECRET: "an-obviously-fake-secret-for-trials-0123456789",
    PORTICO_PUBLIC_URL: "http://127.0.0.1:8787",
    DATABASE_URL: "postgres://nobody:nothing@127.0.0.1:9/none",
  };
  const build = join(dirname(worker), "target/worker-trials");
  const child = spawn(join(worker, "serve"), ["--build", build, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const log = [];
  createInterface({ input: child.stderr }).on("line", (line) => log.push(line));
  const addresses = {};
  await new Promise((resolve, reject) => {
    child.on("exit", () => reject(new Error("it ended before it listened")));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [, name, address] = /^(\w+) on (.*)$/.exec(line) ?? [];
      if (name) addresses[name] = address;
      if (names.every((wanted) => addresses[wanted])) resolve();
    });
  });
  const stop = async () => {
    child.kill("SIGTERM");
    const [code] = await once(child, "exit");
    return code;
  };
  return { ...addresses, log, stop };
}
