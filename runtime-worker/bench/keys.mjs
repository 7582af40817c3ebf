// GET /api/v1/auth/me with an API key: Portico on workerd beside the same check in Hono on the same workerd, rounds interleaved.

import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { workerd, wranglerConfiguration, writeConfiguration } from "../local/workerd.mjs";
import { cpuMicros, freePort, later, median } from "./measuring.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? join(here, "../../target");
const ME = "/api/v1/auth/me";
const KEYS = 100;
const PERSON = { email: "bench@example.com", password: "obviously fake password" };
const JWT_SECRET = "an-obviously-fake-secret-for-measuring-0123456789";
const START_LIMIT_MS = 60_000;
// workerd writes these by itself, to both.
const OF_THE_TRANSPORT = ["date", "content-length", "transfer-encoding", "connection"];

async function until(what, ask) {
  const began = performance.now();
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() - began > START_LIMIT_MS) throw new Error(`${what}: ${error.message}`, { cause: error });
      await later(20);
    }
  }
}

async function json(method, url, body, headers = {}) {
  const content = body === undefined ? {} : { "content-type": "application/json" };
  const response = await fetch(url, { method, headers: { ...content, ...headers }, body: body && JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
  return { response, text, value: JSON.parse(text) };
}

/** Starts workerd on a configuration file and waits until `path` is answered. */
async function serve(name, file, env, port, headers) {
  const child = spawn(workerd, ["serve", "--experimental", file], { env, stdio: ["ignore", "ignore", "inherit"] });
  await until(name, () => fetch(`http://127.0.0.1:${port}/health`, { headers }));
  return { name, child, port, rounds: [] };
}

async function portico(name, folder, build, databaseUrl, settings) {
  const port = await freePort();
  const env = {
    JWT_SECRET,
    PORTICO_PUBLIC_URL: `http://127.0.0.1:${port}`,
    PORTICO_BCRYPT_COST: "10",
    PORTICO_LIMIT_LOGIN: "off",
    PORTICO_LIMIT_REGISTER: "off",
    ...settings,
  };
  const chosen = { build, port, cronPort: null, hyperdrive: databaseUrl, plain: false, cache: true, kvPort: null };
  mkdirSync(folder);
  const file = writeConfiguration(folder, wranglerConfiguration(), chosen, Object.keys(env), join(folder, "state"));
  return serve(name, file, env, port);
}

/** What Portico answers to each key, and what a Worker that keeps it in memory needs to know. */
async function keysOf({ port }) {
  const base = `http://127.0.0.1:${port}`;
  const { value: tokens } = await json("POST", `${base}/api/v1/auth/register`, PERSON);
  const table = {};
  const keys = [];
  for (let number = 0; number < KEYS; number += 1) {
    const body = { name: `key ${number}`, scopes: ["models:read"] };
    const made = await json("POST", `${base}/api/v1/api-keys`, body, { authorization: `Bearer ${tokens.access_token}` });
    const { key, status, expires_at } = made.value;
    const costs = [];
    let answer;
    for (let time = 0; time < 2; time += 1) {
      answer = await json("GET", base + ME, undefined, { "x-api-key": key });
      costs.push(answer.response.headers.get("server-timing"));
    }
    if (number === 0) process.stdout.write(`portico: first request ${costs[0]}; second ${costs[1]}\n`);
    const headers = Object.fromEntries([...answer.response.headers].filter(([name]) => !OF_THE_TRANSPORT.includes(name)));
    table[createHash("sha256").update(key).digest("base64")] = { status, expires_at, maker: answer.value, headers };
    keys.push(key);
  }
  return { keys, table };
}

async function hono(folder, table) {
  const port = await freePort();
  mkdirSync(folder);
  const bundle = join(folder, "index.js");
  const options = ["--bundle", "--minify", "--format=esm", "--external:node:*", `--outfile=${bundle}`, "--log-level=warning"];
  execFileSync(join(here, "../node_modules/.bin/esbuild"), [join(here, "hono/worker.mjs"), ...options]);
  const date = JSON.stringify(wranglerConfiguration().compatibility_date);
  const file = join(folder, "workerd.capnp");
  writeFileSync(
    file,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "hono", worker = .hono)],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "hono")],
);
const hono :Workerd.Worker = (
  modules = [(name = "index.js", esModule = embed "index.js")],
  compatibilityDate = ${date},
  bindings = [(name = "TABLE", fromEnvironment = "TABLE")],
);
`,
  );
  return serve("hono", file, { TABLE: JSON.stringify(table) }, port);
}

/** All must say the same before it is worth measuring how fast they say it. */
async function compare(sides, key) {
  const told = [];
  for (const { port } of sides) {
    const { response, text } = await json("GET", `http://127.0.0.1:${port}${ME}`, undefined, { "x-api-key": key });
    told.push({ text, names: [...response.headers.keys()].filter((name) => !OF_THE_TRANSPORT.includes(name)).sort() });
  }
  if (new Set(told.map((each) => JSON.stringify(each))).size !== 1) throw new Error(`answers differ: ${JSON.stringify(told)}`);
}

function load({ port, child }, script, seconds) {
  const before = cpuMicros(child.pid);
  const output = execFileSync("wrk", ["-c16", "-t1", `-d${seconds}`, "--latency", "-s", script, `http://127.0.0.1:${port}${ME}`], { encoding: "utf8" });
  if (/Non-2xx/.test(output)) throw new Error(output);
  const requests = Number(/(\d+) requests in/.exec(output)[1]);
  const [, amount, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(output);
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)[1]),
    micros: (cpuMicros(child.pid) - before) / requests,
    p99: Number(amount) * { us: 1e-3, ms: 1, s: 1e3 }[unit],
  };
}

function postgres() {
  const child = spawn(join(target, "debug/test-postgres"), [], { stdio: ["ignore", "pipe", "inherit"] });
  const url = new Promise((resolve, reject) => {
    child.on("exit", (code) => reject(new Error(`test-postgres ended with ${code}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = /listening on (\S+)/.exec(line);
      if (found) resolve(found[1]);
    });
  });
  return { child, url };
}

/** Measures both in `rounds` rounds of `seconds` each. */
export async function keys(build, rounds, seconds) {
  const scratch = mkdtempSync(join(tmpdir(), "portico-keys-"));
  const database = postgres();
  const sides = [];
  try {
    const url = await database.url;
    const env = { PATH: process.env.PATH, HOME: scratch, DATABASE_URL: url, JWT_SECRET };
    execFileSync(join(target, "release/portico"), ["migrate"], { env, cwd: scratch, stdio: "ignore" });
    sides.push(await portico("portico", join(scratch, "portico"), build, url, {}));
    const known = await keysOf(sides[0]);
    const unlogged = { PORTICO_LOG: "info,portico::request=warn" };
    sides.push(await portico("portico, requests unlogged", join(scratch, "unlogged"), build, url, unlogged));
    sides.push(await hono(join(scratch, "hono"), known.table));
    await compare(sides, known.keys[0]);
    const script = join(scratch, "keys.lua");
    const list = known.keys.map((key) => JSON.stringify(key)).join(",");
    writeFileSync(
      script,
      `local keys, at, made = {${list}}, 0, {}
init = function() for i, key in ipairs(keys) do made[i] = wrk.format(nil, nil, {["x-api-key"] = key}) end end
request = function() at = at % #made + 1; return made[at] end
`,
    );
    // The runtime compiles what is hot anew, in the background, and is slower until then.
    for (const side of sides) load(side, script, 3);
    for (let round = 0; round < rounds; round += 1) for (const side of sides) side.rounds.push(load(side, script, seconds));
  } finally {
    for (const { child } of sides) child.kill("SIGKILL");
    database.child.removeAllListeners("exit").kill("SIGTERM");
    rmSync(scratch, { recursive: true, force: true });
  }
  const of = ({ rounds }, figure) => median(rounds.map((round) => round[figure]));
  const model = sides.at(-1);
  return sides.map((side) => {
    const ratios = side.rounds.map(({ perSecond }, round) => perSecond / model.rounds[round].perSecond).toSorted((a, b) => a - b);
    return {
      worker: side.name,
      "req/s": Math.round(of(side, "perSecond")),
      "CPU µs/request": Math.round(of(side, "micros")),
      "p99 ms": of(side, "p99").toFixed(2),
      "× hono": `${median(ratios).toFixed(2)} (${ratios[0].toFixed(2)}–${ratios.at(-1).toFixed(2)})`,
    };
  });
}
