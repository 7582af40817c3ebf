// Measures in one run, rounds interleaved: throughput and CPU of /health, sizes, and the time to the first answer of a fresh workerd.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";

import { workerd, wranglerConfiguration, writeConfiguration } from "../local/workerd.mjs";
import { keys } from "./keys.mjs";
import { cpuMicros, freePort, later, median } from "./measuring.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const HELP = `Usage: bench/run [bridge|start|size|keys] [--rounds N] [--seconds N] [--json] [--build FOLDER]

  bridge   requests a second and CPU a request of GET /health, ours and plain, with wrk -c16 (needs wrk)
  start    milliseconds from starting workerd to its first answer, ours and plain, and of one request more
  size     bytes of wasm and JavaScript, raw and gzip
  keys     requests a second and CPU a request of GET /api/v1/auth/me with an API key, ours and the same check in Hono, with wrk -c16 (needs wrk; makes
           a Postgres of its own). Keys without a limit of their own: a limit is a call to a Durable Object

--build measures another build of ours than the one in build/. Without a name it measures the first three. "plain" answers by worker's own Response and does nothing else.
`;
const WORKERS = [
  { name: "ours", build: join(dirname(here), "build"), plain: false },
  { name: "plain", build: join(here, "plain/build"), plain: true },
];
const SETTINGS = {
  JWT_SECRET: "an-obviously-fake-secret-for-measuring-0123456789",
  PORTICO_PUBLIC_URL: "http://127.0.0.1:8787",
  // Nothing listens there: /health asks no database.
  DATABASE_URL: "postgres://nobody:nothing@nowhere.example/none",
};
const START_LIMIT_MS = 20_000;

// One request by hand: a client library's own start would be in the figure.
function ask(port) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("connect", () => socket.write("GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"));
    socket.on("data", (chunk) => {
      text += chunk;
      if (text.includes("\r\n\r\n")) {
        socket.destroy();
        resolve(text.startsWith("HTTP/1.1 200") ? text : Promise.reject(new Error(`not well: ${text.split("\r\n")[0]}`)));
      }
    });
    socket.on("error", reject);
  });
}

async function start(worker) {
  const folder = mkdtempSync(join(tmpdir(), "portico-bench-"));
  const port = await freePort();
  const chosen = { build: worker.build, port, cronPort: null, hyperdrive: null, plain: worker.plain };
  const names = worker.plain ? [] : Object.keys(SETTINGS);
  const file = writeConfiguration(folder, wranglerConfiguration(), chosen, names, join(folder, "state"));
  const began = performance.now();
  const child = spawn(workerd, ["serve", "--experimental", file], { env: { ...SETTINGS }, stdio: ["ignore", "inherit", "inherit"] });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const stop = async () => {
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  for (;;) {
    try {
      await ask(port);
      break;
    } catch (error) {
      const refused = error.code === "ECONNREFUSED" || error.code === "ECONNRESET";
      if (!refused || performance.now() - began > START_LIMIT_MS) {
        await stop();
        throw error;
      }
      await later(0.5);
    }
  }
  return { worker, port, child, stop, firstMs: performance.now() - began };
}

function load({ port, child }, seconds) {
  const before = cpuMicros(child.pid);
  const output = execFileSync("wrk", ["-c16", "-t1", `-d${seconds}`, `http://127.0.0.1:${port}/health`], { encoding: "utf8" });
  if (/Non-2xx/.test(output)) throw new Error(output);
  const requests = Number(/(\d+) requests in/.exec(output)[1]);
  return { perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)[1]), micros: (cpuMicros(child.pid) - before) / requests };
}

async function bridge(rounds, seconds) {
  const running = [];
  const figures = new Map(WORKERS.map(({ name }) => [name, []]));
  try {
    for (const worker of WORKERS) running.push(await start(worker));
    // The runtime compiles what is hot anew, in the background, and is slower until then.
    for (const each of running) load(each, 3);
    for (let round = 0; round < rounds; round += 1)
      for (const each of running) figures.get(each.worker.name).push(load(each, seconds));
  } finally {
    for (const each of running) await each.stop();
  }
  return [...figures].map(([name, all]) => ({
    worker: name,
    "req/s": Math.round(median(all.map((figure) => figure.perSecond))),
    "CPU µs/request": Math.round(median(all.map((figure) => figure.micros))),
    "× plain": (
      median(all.map((figure) => figure.perSecond)) / median(figures.get("plain").map((figure) => figure.perSecond))
    ).toFixed(2),
  }));
}

async function starts(rounds) {
  const figures = new Map(WORKERS.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const worker of WORKERS) {
      const running = await start(worker);
      const again = performance.now();
      await ask(running.port);
      figures.get(worker.name).push({ first: running.firstMs, second: performance.now() - again });
      await running.stop();
    }
  }
  return [...figures].map(([name, all]) => ({
    worker: name,
    "first answer ms": median(all.map((figure) => figure.first)).toFixed(1),
    "next answer ms": median(all.map((figure) => figure.second)).toFixed(1),
  }));
}

function sizes() {
  return WORKERS.map(({ name, build }) => {
    const [wasm, script] = ["index_bg.wasm", "index.js"].map((file) => readFileSync(join(build, file)));
    const kib = (bytes) => (bytes / 1024).toFixed(0);
    const zipped = (bytes) => gzipSync(bytes, { level: 9 }).length;
    return {
      worker: name,
      "wasm KiB": kib(wasm.length),
      "wasm gzip KiB": kib(zipped(wasm)),
      "script KiB": kib(script.length),
      "script gzip KiB": kib(zipped(script)),
    };
  });
}

function print(title, rows, json) {
  if (json) return void process.stdout.write(`${JSON.stringify({ [title]: rows })}\n`);
  const columns = Object.keys(rows[0]);
  const line = (cells) => process.stdout.write(`| ${cells.join(" | ")} |\n`);
  process.stdout.write(`\n${title}\n\n`);
  line(columns);
  line(columns.map(() => "---"));
  for (const row of rows) line(columns.map((column) => row[column]));
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    build: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.build) WORKERS[0].build = resolve(values.build);
const known = ["size", "start", "bridge", "keys"];
const asked = positionals.length ? positionals : known.slice(0, 3);
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
if (values.help || asked.some((name) => !known.includes(name)) || !(rounds >= 1 && seconds >= 1)) {
  process.stdout.write(HELP);
  process.exit(values.help ? 0 : 2);
}
if (asked.includes("size")) print("size", sizes(), values.json);
if (asked.includes("start")) print("start", await starts(rounds), values.json);
if (asked.includes("bridge")) print("bridge", await bridge(rounds, seconds), values.json);
if (asked.includes("keys")) print("keys", await keys(WORKERS[0].build, rounds, seconds), values.json);
