// What wrangler would upload, without uploading it. The build is the one in build/.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { wranglerConfiguration } from "../local/workerd.mjs";

const worker = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), "portico-deploy-"));
let metadata;

before(() => {
  const file = join(folder, "upload");
  const env = {
    PATH: `${join(worker, "node_modules/.bin")}:${process.env.PATH}`,
    HOME: process.env.HOME,
    WORKER_PREBUILT: "1",
    WRANGLER_SEND_METRICS: "false",
    CI: "1",
  };
  execFileSync("wrangler", ["deploy", "--dry-run", "--outfile", file], { cwd: worker, env, stdio: ["ignore", "ignore", "inherit"] });
  const form = readFileSync(file, "latin1");
  metadata = JSON.parse(/name="metadata"\r?\n(?:[^\r\n]+\r?\n)*\r?\n(.*?)\r?\n--/s.exec(form)[1]);
});

after(() => rmSync(folder, { recursive: true, force: true }));

test("wrangler takes the configuration, and the Worker is placed near what it waits for", () => {
  assert.deepEqual(metadata.placement, { mode: "smart" });
});

test("the bindings that the Worker looks for are the ones that are uploaded", () => {
  const types = Object.fromEntries(metadata.bindings.map(({ name, type }) => [name, type]));
  assert.equal(types.HYPERDRIVE, "hyperdrive");
  assert.equal(types.LIMITER, "durable_object_namespace");
  assert.equal(types.SHIELD, "ratelimit");
  assert.equal(types.CACHE, "kv_namespace");
  assert.equal(types.PORTICO_PUBLIC_URL, "plain_text");
  assert.equal(types.JWT_SECRET, undefined, "a secret is never in the configuration");
});

test("the limiter's objects keep their state in SQLite", () => {
  // A dry run uploads no migrations: which are still to be made only the account knows.
  const { migrations, durable_objects: objects } = wranglerConfiguration();
  const classes = migrations.flatMap((migration) => migration.new_sqlite_classes);
  assert.deepEqual(classes, objects.bindings.map((binding) => binding.class_name));
});
