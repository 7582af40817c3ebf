// Runs the built Worker in workerd itself, without wrangler between: the configuration is that of wrangler.jsonc, the bindings are local.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { workerd, wranglerConfiguration, writeConfiguration } from "./local/workerd.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const HELP = `Usage: ./serve [--port N] [--database hyperdrive|neon|none] [--cron-port N] [--shield N] [--no-cache] [--kv-port N] [--build FOLDER]

Runs the built Worker in workerd on 127.0.0.1, prints "listening on http://127.0.0.1:N" and ends on SIGTERM.

  --port N          port to listen on; 0, the default, picks one
  --database KIND   hyperdrive (the default): DATABASE_URL is a Postgres that the binding HYPERDRIVE connects to;
                    neon: DATABASE_URL and PORTICO_NEON_SQL_URL are handed to the Worker, which asks over HTTP;
                    none: no database is bound
  --cron-port N     port where every request runs the scheduled event and answers with its outcome
  --shield N        bind SHIELD to a stand-in that admits N calls a key; nothing is bound by default
  --no-cache        leave CACHE unbound; a stand-in for Workers KV that keeps its state in memory is bound by default
  --kv-port N       port where GET /__journal tells what was written to that stand-in since it was last asked
  --build FOLDER    what worker-build made; build/ beside this file by default

Settings come from the environment: JWT_SECRET, JWT_SECRET_PREVIOUS and every PORTICO_* name. PORTICO_SERVE_STATE names a folder for the Durable
Objects' storage; by default they get a fresh one.
`;

// Names for tools around the Worker, which it would refuse as unknown settings.
const NOT_SETTINGS = ["PORTICO_SERVE_STATE", "PORTICO_BIN"];
const END_LIMIT_MS = 3_000;

function fail(message) {
  process.stderr.write(`serve: ${message}\n`);
  process.exit(2);
}

function options() {
  const text = { type: "string" };
  try {
    const { values } = parseArgs({
      options: { port: text, database: text, "cron-port": text, shield: text, "no-cache": { type: "boolean" }, "kv-port": text, build: text, help: { type: "boolean" } },
    });
    if (values.help) {
      process.stdout.write(HELP);
      process.exit(0);
    }
    const number = (name) => {
      const value = Number(values[name] ?? 0);
      if (!Number.isInteger(value) || value < 0 || value > 65_535) fail(`--${name} must be a whole number up to 65535`);
      return value;
    };
    const database = values.database ?? "hyperdrive";
    if (!["hyperdrive", "neon", "none"].includes(database)) fail(`--database must be hyperdrive, neon or none`);
    const databaseUrl = process.env.DATABASE_URL;
    if (database !== "none" && !databaseUrl) fail(`--database ${database} needs DATABASE_URL`);
    const build = resolve(values.build ?? join(here, "build"));
    if (!existsSync(join(build, "index.js"))) fail(`nothing is built in ${build}: run ./build.sh`);
    const cronPort = values["cron-port"] === undefined ? null : number("cron-port");
    const kvPort = values["kv-port"] === undefined ? null : number("kv-port");
    const shield = values.shield === undefined ? null : number("shield");
    const cache = !values["no-cache"];
    return { port: number("port"), cronPort, kvPort, cache, shield, database, databaseUrl, build };
  } catch (error) {
    fail(`${error.message}\n\n${HELP}`);
  }
}

function settings(wrangler, { port, database, databaseUrl }) {
  const names = Object.keys(process.env).filter((name) => name.startsWith("PORTICO_") && !NOT_SETTINGS.includes(name));
  const values = { ...wrangler.vars };
  if (port !== 0) values.PORTICO_PUBLIC_URL = `http://127.0.0.1:${port}`;
  for (const name of [...names, "JWT_SECRET", "JWT_SECRET_PREVIOUS"]) if (process.env[name] !== undefined) values[name] = process.env[name];
  if (database === "neon") values.DATABASE_URL = databaseUrl;
  return values;
}

function main() {
  const chosen = options();
  const wrangler = wranglerConfiguration();
  const scratch = mkdtempSync(join(tmpdir(), "portico-serve-"));
  const state = resolve(process.env.PORTICO_SERVE_STATE ?? join(scratch, "state"));
  const values = settings(wrangler, chosen);
  const hyperdrive = chosen.database === "hyperdrive" ? chosen.databaseUrl : null;
  const file = writeConfiguration(scratch, wrangler, { ...chosen, hyperdrive }, Object.keys(values), state);

  const control = 3;
  const child = spawn(workerd, ["serve", "--experimental", `--control-fd=${control}`, file], {
    env: { PATH: process.env.PATH, ...values },
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  let told = "";
  child.stdio[control].on("data", (chunk) => {
    told += chunk;
    const lines = told.split("\n");
    told = lines.pop();
    for (const line of lines) {
      const { event, socket, port } = JSON.parse(line);
      if (event === "listen" && socket === "http") process.stdout.write(`listening on http://127.0.0.1:${port}\n`);
      if (event === "listen" && socket === "kv") process.stdout.write(`kv on http://127.0.0.1:${port}\n`);
      if (event === "listen" && socket === "cron") process.stdout.write(`cron on http://127.0.0.1:${port}\n`);
    }
  });

  let asked = false;
  for (const signal of ["SIGTERM", "SIGINT"]) {
    process.on(signal, () => {
      asked = true;
      child.kill("SIGTERM");
      // workerd waits for requests that hang.
      setTimeout(() => child.kill("SIGKILL"), END_LIMIT_MS).unref();
    });
  }
  child.on("error", (error) => fail(`workerd could not be started: ${error.message}`));
  child.on("exit", (code) => {
    rmSync(scratch, { recursive: true, force: true });
    process.exit(asked ? 0 : (code ?? 1));
  });
}

main();
