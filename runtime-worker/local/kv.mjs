// Stands in for Workers KV on this machine: it keeps texts in memory and refuses what KV refuses, with KV's own status.
//
// It isn't slow and it isn't behind, as KV may be for a minute: whatever stands here is seen at once. `GET /__journal` tells what was written.

const LEAST_SECONDS = 60;
const BETWEEN_WRITES_MS = 1_000;
const LARGEST_NAME = 512;
const LARGEST_VALUE = 25 * 2 ** 20;
const MOST_ENTRIES = 200_000;
const MOST_TOLD = 10_000;

const entries = new Map();
const journal = [];

const refuse = (status, why) => new Response(why, { status });
const tooShort = (seconds) => seconds !== null && !(Number(seconds) >= LEAST_SECONDS);

function live(name) {
  const entry = entries.get(name);
  if (entry && entry.until !== null && Date.now() >= entry.until) {
    entries.delete(name);
    return undefined;
  }
  return entry;
}

async function put(name, request, asked) {
  // A body that isn't read would leave whoever writes waiting.
  const value = await request.arrayBuffer();
  const seconds = asked.get("expiration_ttl");
  const now = Date.now();
  const status = (() => {
    if (tooShort(seconds)) return [400, `Invalid expiration_ttl of ${seconds}. Expiration TTL must be at least 60.`];
    if (value.byteLength > LARGEST_VALUE) return [413, `Value length of ${value.byteLength} exceeds limit of ${LARGEST_VALUE}.`];
    if (now - (entries.get(name)?.writtenAt ?? -Infinity) < BETWEEN_WRITES_MS) return [429, "Too Many Requests"];
    return [200, ""];
  })();
  if (journal.length >= MOST_TOLD) journal.shift();
  journal.push({ name, at: now, status: status[0], seconds: seconds === null ? null : Number(seconds) });
  if (status[0] !== 200) return refuse(...status);
  if (entries.size >= MOST_ENTRIES) entries.delete(entries.keys().next().value);
  entries.set(name, { value, writtenAt: now, until: seconds === null ? null : now + Number(seconds) * 1_000 });
  return new Response();
}

export default {
  async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === "/__journal") return Response.json(journal.splice(0));
    const name = decodeURIComponent(url.pathname.slice(1));
    if (name === "" || new TextEncoder().encode(name).length > LARGEST_NAME) return refuse(414, "Invalid key name.");
    if (request.method === "PUT") return put(name, request, url.searchParams);
    if (request.method === "DELETE") {
      entries.delete(name);
      return new Response();
    }
    const kept = url.searchParams.get("cache_ttl");
    if (tooShort(kept)) return refuse(400, `Invalid cache_ttl of ${kept}. Cache TTL must be at least 60.`);
    const entry = live(name);
    return entry ? new Response(entry.value) : refuse(404, "Not Found");
  },
};
