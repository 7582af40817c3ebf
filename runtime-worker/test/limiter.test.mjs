// The limiter's object under load, with nothing in front of it: exact, however many ask at once.

import assert from "node:assert/strict";
import http from "node:http";
import { after, before, test } from "node:test";

import { serve } from "./served.mjs";

const ATTEMPTS = 10_000;
const LIMIT = 1_000;
/** Connections of the one client; the attempts beyond wait in its queue, all of them made before the first is answered. */
const SOCKETS = 500;

let served;

before(async () => {
  served = await serve([], ["listening"]);
});

after(async () => {
  assert.equal(await served.stop(), 0, "SIGTERM ends it");
});

function attempt(agent, path) {
  return new Promise((resolve, reject) => {
    const asked = http.get(served.listening + path, { agent }, async (answer) => {
      try {
        let body = "";
        for await (const chunk of answer) body += chunk;
        assert.equal(answer.statusCode, 200, body);
        resolve(JSON.parse(body));
      } catch (fault) {
        reject(fault);
      }
    });
    asked.on("error", reject);
  });
}

test("of ten thousand attempts at once on one key exactly as many are admitted as the quota says", { timeout: 80_000 }, async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: SOCKETS });
  // Such a quota gives an attempt back every 86 seconds: more than all of this may take.
  const path = `/__trial/limit?quota=${LIMIT}/24h&key=trial-load-${Date.now()}`;
  try {
    const began = Date.now();
    const decisions = await Promise.all(Array.from({ length: ATTEMPTS }, () => attempt(agent, path)));
    const took = Date.now() - began;
    const admitted = decisions.filter((decision) => decision.admitted);
    assert.equal(admitted.length, LIMIT, `in ${took} ms`);
    const left = new Set(admitted.map(({ remaining }) => remaining));
    assert.equal(left.size, LIMIT, "no two were told the same number");
    assert.ok(left.has(0) && left.has(LIMIT - 1));
    for (const refused of decisions.filter((decision) => !decision.admitted)) {
      assert.equal(refused.remaining, 0);
      assert.ok(refused.retry_seconds > 0 && refused.retry_seconds <= 87, `${refused.retry_seconds} s`);
    }
  } finally {
    agent.destroy();
  }
});
