// Writes what workerd is told, from wrangler.jsonc and a few choices: the same bindings as in production, each served on this machine.

import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(dirname(fileURLToPath(import.meta.url)));

/** The program, as npm installed it. */
export const workerd = join(here, "node_modules/.bin/workerd");

/** Reads wrangler.jsonc, whose comments stand on lines of their own. */
export function wranglerConfiguration() {
  const lines = readFileSync(join(here, "wrangler.jsonc"), "utf8").split("\n");
  return JSON.parse(lines.filter((line) => !line.trim().startsWith("//")).join("\n"));
}

const quoted = (text) => JSON.stringify(String(text));

function hyperdrive(databaseUrl) {
  const url = new URL(databaseUrl);
  const text = decodeURIComponent;
  return {
    binding: `(name = "HYPERDRIVE", hyperdrive = (designator = "postgres", database = ${quoted(text(url.pathname.slice(1)))},
      user = ${quoted(text(url.username))}, password = ${quoted(text(url.password) || "none")}, scheme = "postgresql"))`,
    service: `(name = "postgres", external = (address = ${quoted(`${url.hostname}:${url.port || 5432}`)}, tcp = ()))`,
  };
}

function configuration(wrangler, chosen, names, state) {
  const hyper = chosen.hyperdrive ? hyperdrive(chosen.hyperdrive) : null;
  const bindings = names.map((name) => `(name = ${quoted(name)}, fromEnvironment = ${quoted(name)})`);
  const objects = chosen.plain ? [] : wrangler.durable_objects.bindings;
  for (const { name, class_name } of objects)
    bindings.push(`(name = ${quoted(name)}, durableObjectNamespace = ${quoted(class_name)})`);
  if (hyper) bindings.push(hyper.binding);
  const cached = (wrangler.kv_namespaces ?? []).filter(() => chosen.cache);
  for (const { binding } of cached) bindings.push(`(name = ${quoted(binding)}, kvNamespace = "kv")`);
  if (chosen.shield) bindings.push(`(name = "SHIELD", wrapped = (moduleName = "portico:shield"))`);
  const namespaces = objects.map(
    ({ class_name }) => `(className = ${quoted(class_name)}, uniqueKey = ${quoted(`portico-${class_name}`)}, enableSql = true)`,
  );
  const services = [
    `(name = "portico", worker = .portico)`,
    `(name = "state", disk = (path = ${quoted(state)}, writable = true))`,
    // The default network has public addresses only; stand-ins of tests are on this machine.
    `(name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true)))`,
  ];
  const sockets = [`(name = "http", address = "127.0.0.1:${chosen.port}", http = (), service = "portico")`];
  if (hyper) services.push(hyper.service);
  if (chosen.cache) services.push(`(name = "kv", worker = .kv)`);
  if (chosen.cache && chosen.kvPort !== null)
    sockets.push(`(name = "kv", address = "127.0.0.1:${chosen.kvPort}", http = (), service = "kv")`);
  if (chosen.cronPort !== null) {
    services.push(`(name = "cron", worker = .cron)`);
    sockets.push(`(name = "cron", address = "127.0.0.1:${chosen.cronPort}", http = (), service = "cron")`);
  }
  const date = quoted(wrangler.compatibility_date);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [${services.join(",\n    ")}],
  sockets = [${sockets.join(",\n    ")}],
  extensions = [(modules = [(name = "portico:shield", internal = true, esModule = ${quoted(shield(chosen.shield))})])],
);
const portico :Workerd.Worker = (
  modules = [
    (name = "index.js", esModule = embed "index.js"),
    (name = "index_bg.wasm", wasm = embed "index_bg.wasm"),
  ],
  compatibilityDate = ${date},
  bindings = [${bindings.join(",\n    ")}],
  durableObjectNamespaces = [${namespaces.join(", ")}],
  durableObjectStorage = (localDisk = "state"),
);
const kv :Workerd.Worker = (
  modules = [(name = "kv.js", esModule = embed "kv.mjs")],
  compatibilityDate = ${date},
);
const cron :Workerd.Worker = (
  modules = [(name = "cron.js", esModule = ${quoted(CRON)})],
  compatibilityDate = ${date},
  compatibilityFlags = ["service_binding_extra_handlers"],
  bindings = [(name = "PORTICO", service = "portico")],
);
`;
}

const CRON = `export default {
  async fetch(request, { PORTICO }) {
    const outcome = await PORTICO.scheduled({ scheduledTime: Date.now(), cron: "0 * * * *" });
    return Response.json(outcome);
  },
};`;

// Stands in for the rate limit binding: so many calls a key, for as long as the process lives. The class has the name by which bindings of
// this kind are known.
const shield = (limit) => `class Ratelimit {
  #counts = new Map();
  async limit({ key }) {
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return { success: count <= ${limit ?? 0} };
  }
}
export default () => new Ratelimit();`;

/**
 * Puts a configuration file into `folder`, beside copies of what it embeds, and gives its path.
 *
 * `chosen`: `build` (folder of the built Worker), `port`, `cronPort` (or null), `hyperdrive` (a Postgres URL, or null), `plain` (a Worker
 * without our Durable Objects), `cache` (whether CACHE is bound, to a stand-in), `kvPort` (where that stand-in is asked, or null), `shield` (calls that the stand-in of the rate limit binding admits a key, or null for none bound). `names` are the variables that workerd hands on from its own environment, so that no secret lies in a file.
 */
export function writeConfiguration(folder, wrangler, chosen, names, state) {
  mkdirSync(state, { recursive: true });
  // Embedded files are sought beside the configuration; copies also survive a build that runs meanwhile.
  for (const name of ["index.js", "index_bg.wasm"]) copyFileSync(join(chosen.build, name), join(folder, name));
  copyFileSync(join(here, "local/kv.mjs"), join(folder, "kv.mjs"));
  const file = join(folder, "workerd.capnp");
  writeFileSync(file, configuration(wrangler, chosen, names, state));
  chmodSync(file, 0o600);
  return file;
}
