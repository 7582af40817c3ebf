// Signs in on two Workers in turn, one with every optimisation and one with none, over a database that is a round trip of 20 ms away.

import { execFileSync, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const worker = dirname(dirname(fileURLToPath(import.meta.url)));
const target = process.env.CARGO_TARGET_DIR ?? join(dirname(worker), "target");
const HELP = `Usage: bench/far [--sign-ins N] [--delay-ms N]

  --sign-ins N   so many on each, in turn (default 30)
  --delay-ms N   added in each direction between the Worker and Postgres (default 10)

Starts a Postgres of its own, a proxy that delays, and two workerd; stops them at the end.
`;
const SWITCHES = ["SECRET_CACHE", "DEFERRED_WRITES", "PARALLEL_LOGIN", "PREWARM", "LAZY_PASSWORDS", "RESPONSE_CACHE"];
const PERSON = { email: "far@example.com", password: "obviously fake password" };
const JWT_SECRET = "an-obviously-fake-secret-for-measuring-0123456789";
const START_LIMIT_MS = 60_000;

const started = [];

// Starts a program and gives what its line "listening on …" names.
function listening(command, args, env = {}) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] });
  started.push(child);
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${command} does not listen`)), START_LIMIT_MS);
    child.on("exit", (code) => reject(new Error(`${command} ended with ${code}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = /listening on (\S+)/.exec(line);
      if (found) {
        clearTimeout(late);
        resolve(found[1]);
      }
    });
  });
}

async function post(base, path) {
  const began = performance.now();
  const response = await fetch(base + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(PERSON),
  });
  const body = await response.text();
  const ms = performance.now() - began;
  if (!response.ok) throw new Error(`${path}: ${response.status} ${body}`);
  return { ms, statements: Number(/db;dur=[\d.]+;desc="(\d+)"/.exec(response.headers.get("server-timing"))[1]) };
}

async function measure(signIns, delayMs) {
  const direct = new URL(await listening(join(target, "debug/test-postgres"), []));
  execFileSync(join(target, "release/portico"), ["migrate"], { env: { ...process.env, DATABASE_URL: direct.href, JWT_SECRET }, stdio: "ignore" });
  const upstream = `${direct.hostname}:${direct.port}`;
  const proxy = await listening(join(target, "debug/delay-proxy"), ["--upstream", upstream, "--delay-ms", String(delayMs)]);
  const far = new URL(direct);
  far.host = proxy.replace(/^\w+:\/\//, "");

  const serve = (switches) =>
    listening(join(worker, "serve"), ["--database", "hyperdrive"], {
      DATABASE_URL: far.href,
      JWT_SECRET,
      PORTICO_PUBLIC_URL: "http://127.0.0.1",
      PORTICO_BCRYPT_COST: "10",
      // High, not off: the limiter is asked, as it would be.
      PORTICO_LIMIT_LOGIN: "1000000/1m",
      ...Object.fromEntries(switches.map((name) => [`PORTICO_FLOW_${name}`, "off"])),
    });
  const sides = [
    { name: "all on", base: await serve([]), figures: [] },
    { name: "all off", base: await serve(SWITCHES), figures: [] },
  ];
  await post(sides[0].base, "/api/v1/auth/register");
  for (const side of sides) for (let n = 0; n < 3; n += 1) await post(side.base, "/api/v1/auth/login");
  for (let n = 0; n < signIns; n += 1) for (const side of sides) side.figures.push(await post(side.base, "/api/v1/auth/login"));
  return sides;
}

function report(sides, delayMs) {
  const at = (values, share) => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];
  process.stdout.write(`a round trip to the database takes ${2 * delayMs} ms\n\n`);
  process.stdout.write("| switches | p50 ms | p95 ms | statements in the answer's path |\n| --- | --- | --- | --- |\n");
  const p50 = sides.map(({ name, figures }) => {
    const ms = figures.map((figure) => figure.ms);
    process.stdout.write(`| ${name} | ${at(ms, 0.5).toFixed(1)} | ${at(ms, 0.95).toFixed(1)} | ${at(figures.map((figure) => figure.statements), 0.5)} |\n`);
    return at(ms, 0.5);
  });
  process.stdout.write(`\nall off / all on: p50 × ${(p50[1] / p50[0]).toFixed(2)}, ${(p50[1] - p50[0]).toFixed(1)} ms more\n`);
}

const { values } = parseArgs({
  options: { "sign-ins": { type: "string", default: "30" }, "delay-ms": { type: "string", default: "10" }, help: { type: "boolean", default: false } },
});
const [signIns, delayMs] = [Number(values["sign-ins"]), Number(values["delay-ms"])];
if (values.help || !(signIns >= 1 && signIns <= 10_000 && delayMs >= 0 && delayMs <= 1_000)) {
  process.stdout.write(HELP);
  process.exit(values.help ? 0 : 2);
}
try {
  report(await measure(signIns, delayMs), delayMs);
} finally {
  for (const child of started.reverse()) child.removeAllListeners("exit").kill("SIGTERM");
}
