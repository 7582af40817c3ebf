// What the Worker must do as a Worker, on workerd: the contract itself is the conformance suite's matter.
//
// The build under test has the feature `trials`; `npm test` makes it.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { after, before, test } from "node:test";

import { serve } from "./served.mjs";

let served;
let base;
let cron;
let log;

before(async () => {
  served = await serve(["--database", "hyperdrive", "--cron-port", "0", "--shield", "100"], ["listening", "cron"]);
  ({ listening: base, cron, log } = served);
});

after(async () => {
  assert.equal(await served.stop(), 0, "SIGTERM ends it");
});

const get = (path, init) => fetch(base + path, init);

test("after a panic the next request is served", async () => {
  assert.equal((await get("/__trial/panic")).status, 500);
  assert.equal((await get("/health")).status, 200);
});

test("after a panic behind a wait the next request is served", async () => {
  assert.equal((await get("/__trial/panic-later")).status, 500);
  assert.equal((await get("/health")).status, 200);
});

test("waits of many requests at once end", async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => get("/__trial/wait").then((answer) => answer.text())));
  assert.deepEqual(new Set(answers), new Set(["waited"]));
});

test("HEAD is answered like GET, without the body", async () => {
  const [head, whole] = [await get("/health", { method: "HEAD" }), await get("/health")];
  assert.equal(head.status, 200);
  assert.equal(head.headers.get("content-length"), whole.headers.get("content-length"));
  assert.equal(await head.text(), "");
});

test("a body of known size arrives whole, and so does one of unknown size", async () => {
  const text = "ä".repeat(200_000);
  assert.equal(await (await get("/__trial/echo", { method: "POST", body: text })).text(), text);
  const stream = new Blob([text, text]).stream();
  const streamed = await get("/__trial/echo", { method: "POST", body: stream, duplex: "half" });
  assert.equal(await streamed.text(), text + text);
});

test("a body is passed on chunk by chunk, not gathered first", async () => {
  const { hostname, port } = new URL(base);
  const headers = { "transfer-encoding": "chunked" };
  const request = http.request({ hostname, port, path: "/__trial/pass", method: "POST", headers });
  request.write("first");
  const [response] = await once(request, "response");
  const [chunk] = await once(response, "data");
  assert.equal(chunk.toString(), "first", "the first chunk is back while the request still goes on");
  request.end("second");
  let rest = "";
  for await (const more of response) rest += more;
  assert.equal(rest, "second");
});

test("a body over the router's limit is refused, announced or not", async () => {
  const large = new Blob([new Uint8Array(5 << 20)]);
  assert.equal((await get("/__trial/echo", { method: "POST", body: large })).status, 413);
  assert.equal((await get("/__trial/echo", { method: "POST", body: large.stream(), duplex: "half" })).status, 413);
});

test("an answer of unknown size streams", async () => {
  const answer = await get("/__trial/count");
  assert.equal(answer.headers.get("content-length"), null);
  assert.equal(await answer.text(), Array.from({ length: 10 }, (_, n) => `${n}\n`).join(""));
});

test("concurrent attempts on one key are admitted exactly as often as the quota says", async () => {
  const key = `trial-${Date.now()}`;
  const attempt = () => get(`/__trial/limit?quota=10/1h&key=${key}`).then((answer) => answer.json());
  const decisions = await Promise.all(Array.from({ length: 64 }, attempt));
  const admitted = decisions.filter((decision) => decision.admitted);
  assert.equal(admitted.length, 10);
  assert.deepEqual(new Set(admitted.map(({ remaining }) => remaining)), new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
  for (const refused of decisions.filter((decision) => !decision.admitted)) {
    assert.equal(refused.remaining, 0);
    assert.ok(refused.retry_seconds > 300 && refused.retry_seconds <= 360);
  }
  const other = await get(`/__trial/limit?quota=10/1h&key=${key}-other`).then((answer) => answer.json());
  assert.equal(other.remaining, 9, "another key has a quota of its own");
});

test("a limit is given back with time", async () => {
  const key = `trial-back-${Date.now()}`;
  const attempt = () => get(`/__trial/limit?quota=1/1s&key=${key}`).then((answer) => answer.json());
  const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  assert.equal((await attempt()).admitted, true);
  assert.equal((await attempt()).admitted, false);
  await later(1_050);
  assert.equal((await attempt()).admitted, true);
  // Past the alarm that deletes the object's state, which must not matter to anybody.
  await later(2_500);
  assert.equal((await attempt()).admitted, true);
});

test("the binding in front turns a flood away before the objects are asked", async () => {
  const key = `trial-shield-${Date.now()}`;
  const attempt = () => get(`/__trial/limit?quota=1000/1h&key=${key}`).then((answer) => answer.json());
  const decisions = [];
  for (let n = 0; n < 101; n += 1) decisions.push(await attempt());
  assert.equal(decisions[99].admitted, true);
  assert.equal(decisions[99].remaining, 900);
  assert.deepEqual(decisions[100], { admitted: false, remaining: 0, reset_seconds: 60, retry_seconds: 60 });
});

test("the hourly upkeep begins by waking the database, and its failure stops nothing", async () => {
  const began = log.length;
  const outcome = await (await fetch(cron)).json();
  assert.equal(outcome.outcome, "ok");
  const told = () => log.slice(began).filter((line) => line.includes('"portico_worker"')).map((line) => JSON.parse(line));
  for (let tries = 0; tries < 100 && told().length < 3; tries += 1) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(
    told().map(({ level, message }) => [level, message]),
    [
      ["WARN", "the database could not be woken"],
      ["ERROR", "expired rows could not be purged"],
      ["WARN", "a cache could not be warmed"],
    ],
  );
  assert.equal((await get("/ready")).status, 503);
});

async function withServer(handler, run) {
  const server = http.createServer(handler);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await run(`http://127.0.0.1:${server.address().port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const exchange = (url, limit) => get(`/__trial/fetch?limit_ms=${limit}&url=${encodeURIComponent(url)}`);

test("another service is asked with method, headers and body, and a redirect isn't followed", async () => {
  const handler = async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    response.writeHead(302, { location: "/elsewhere" });
    response.end(`${request.method} ${request.headers["x-trial"]} ${body}`);
  };
  await withServer(handler, async (url) => {
    assert.deepEqual(await (await exchange(url, 2_000)).json(), { status: 302, body: "POST yes a body" });
  });
});

test("a service that is silent, endless or gone is given up", async () => {
  const began = Date.now();
  await withServer(() => {}, async (url) => assert.equal((await exchange(url, 300)).status, 503));
  assert.ok(Date.now() - began < 2_000);
  const large = (_, response) => response.end(Buffer.alloc((1 << 20) + 1));
  await withServer(large, async (url) => assert.match(await (await exchange(url, 2_000)).text(), /larger than 1 MiB/));
  assert.equal((await exchange("http://127.0.0.1:9/", 2_000)).status, 503);
});
