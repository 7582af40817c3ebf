// The tier of the cache that isolates share, and work behind answers, on workerd: KV itself is played by local/kv.mjs, which refuses what KV refuses.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { serve } from "./served.mjs";

let served;
let names = 0;

before(async () => {
  served = await serve(["--kv-port", "0"], ["listening", "kv"]);
});

after(async () => {
  assert.equal(await served.stop(), 0, "SIGTERM ends it");
});

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const fresh = () => `trial-${(names += 1)}`;

async function ask(what, query = {}) {
  const answer = await fetch(`${served.listening}/__trial/cache/${what}?${new URLSearchParams(query)}`);
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
}

const valueOf = async (query) => (await ask("get", query)).entry?.value ?? null;
const journal = async () => (await fetch(`${served.kv}/__journal`)).json();

/** Waits until a read comes out as it should; writes go out behind answers. */
async function until(wanted, query, limit = 3_000) {
  const end = Date.now() + limit;
  let seen = await valueOf(query);
  while (seen !== wanted && Date.now() < end) {
    await later(20);
    seen = await valueOf(query);
  }
  assert.equal(seen, wanted);
}

test("what one isolate sets, the other finds, with all that belongs to it", async () => {
  const name = fresh();
  assert.equal(await ask("has", { name }), false);
  const { entry: none, mark } = await ask("get", { name });
  assert.equal(none, null);
  assert.deepEqual(await ask("set", { name, mark, value: '{"a":[1,"ä"]}' }), { kept: 1 });
  await until('{"a":[1,"ä"]}', { name, isolate: 1 });
  const { entry } = await ask("get", { name, isolate: 1 });
  assert.deepEqual(entry, { value: '{"a":[1,"ä"]}', loaded_at: mark, load_ms: 1.5, subjects: 2 });
  assert.equal(await ask("has", { name, isolate: 1 }), true);
  assert.deepEqual(await ask("statistics"), { name: "kv", entries: null, bytes: null, undelivered: 0 });
});

test("that there is no such thing is kept as well", async () => {
  const name = fresh();
  assert.deepEqual(await ask("set", { name }), { kept: 1 });
  for (let tries = 0; tries < 100 && !(await ask("has", { name, isolate: 1 })); tries += 1) await later(20);
  assert.equal((await ask("get", { name, isolate: 1 })).entry.value, null);
});

test("a lifetime that KV can't keep is rounded up to a minute, others to whole seconds", async () => {
  const [short, long] = [fresh(), fresh()];
  await journal();
  await ask("set", { name: short, value: "1", keep_ms: 10_000 });
  await ask("set", { name: long, value: "1", keep_ms: 600_001 });
  await until("1", { name: short });
  await until("1", { name: long });
  assert.deepEqual((await journal()).map(({ seconds, status }) => [seconds, status]), [[60, 200], [601, 200]]);
});

test("a hundred fills of one key in a burst are two writes at most, and the newest wins", async () => {
  const name = fresh();
  await journal();
  assert.deepEqual(await ask("set", { name, value: "$n", times: 100 }), { kept: 100 });
  await until("99", { name, isolate: 1 });
  await later(1_200);
  const written = await journal();
  assert.ok(written.length === 1 || written.length === 2, JSON.stringify(written));
  assert.ok(written.every(({ status }) => status === 200), "KV had to refuse none");
});

test("fills of one key by a hundred requests at once are two writes at most", async () => {
  const name = fresh();
  await journal();
  await Promise.all(Array.from({ length: 100 }, (_, n) => ask("set", { name, value: String(n) })));
  await later(2_300);
  const written = await journal();
  assert.ok(written.length === 1 || written.length === 2, JSON.stringify(written));
  assert.ok(written.every(({ status }) => status === 200));
  assert.match(await valueOf({ name, isolate: 1 }), /^\d+$/);
});

test("what was dropped is gone, and a load that began before doesn't bring it back in either isolate", async () => {
  const name = fresh();
  const { mark } = await ask("get", { name });
  await ask("set", { name, mark, value: '"old"' });
  await until('"old"', { name, isolate: 1 });
  await ask("delete", { name });
  assert.equal(await valueOf({ name }), null, "at once where it was dropped");
  await until(null, { name, isolate: 1 });
  assert.deepEqual(await ask("set", { name, mark, value: '"old"' }), { kept: 0 });
  assert.deepEqual(await ask("set", { name, mark, value: '"old"', isolate: 1 }), { kept: 0 });
  await later(1_200);
  assert.equal(await valueOf({ name, isolate: 1 }), null);
  assert.deepEqual(await ask("set", { name, value: '"new"', isolate: 1 }), { kept: 1 });
  await until('"new"', { name });
});

test("a drop wins over a fill that still waits for its second", async () => {
  const name = fresh();
  await ask("set", { name, value: "1" });
  await until("1", { name, isolate: 1 });
  await ask("set", { name, value: "2" });
  await ask("delete", { name });
  await until(null, { name, isolate: 1 });
  await later(1_500);
  assert.equal(await valueOf({ name, isolate: 1 }), null);
  assert.equal((await ask("statistics")).undelivered, 0);
});

test("what depends on a subject that is no key is dropped where it is dropped, and lives out its lifetime elsewhere", async () => {
  const name = fresh();
  const subject = `person-${name}`;
  await ask("set", { name, value: "1", subject });
  await until("1", { name, isolate: 1 });
  await ask("delete", { subject });
  assert.equal(await valueOf({ name }), null);
  assert.equal(await valueOf({ name, isolate: 1 }), "1");
});

test("a prefix is cleared without a list: at once here, and elsewhere when its version is read anew", async () => {
  const name = fresh();
  const { mark } = await ask("get", { name });
  await ask("set", { name, mark, value: "1" });
  await until("1", { name, isolate: 1 });
  await journal();
  await ask("clear");
  assert.equal(await valueOf({ name }), null);
  assert.deepEqual(await ask("set", { name, mark, value: "1" }), { kept: 0 });
  assert.equal(await valueOf({ name, isolate: 1 }), "1", "within its thirty seconds");
  await later(100);
  const written = await journal();
  assert.deepEqual(written.map((write) => [write.name, write.seconds]), [["version:user-models:", null]]);
  await ask("set", { name, value: "2" });
  await until("2", { name });
});

test("a task behind an answer doesn't hold it, runs all the same, and may hand over another", async () => {
  const figures = async () => (await fetch(`${served.listening}/__trial/background/figures`)).json();
  const began = performance.now();
  assert.equal(await (await fetch(`${served.listening}/__trial/background`)).text(), "handed over");
  const took = performance.now() - began;
  assert.ok(took < 150, `answered after ${took} ms`);
  assert.equal((await figures()).ended, 0);
  for (let tries = 0; tries < 100 && (await figures()).ended === 0; tries += 1) await later(20);
  assert.deepEqual(await figures(), { started: 1, ended: 1 });
});

test("without the binding the Worker serves with its memory alone", async () => {
  const bare = await serve(["--no-cache"], ["listening"]);
  try {
    assert.equal((await fetch(`${bare.listening}/__trial/cache/get?name=a`)).status, 501);
    assert.equal((await fetch(`${bare.listening}/health`)).status, 200);
  } finally {
    assert.equal(await bare.stop(), 0);
  }
});
