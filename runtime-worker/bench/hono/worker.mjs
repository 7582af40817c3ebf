// The key check as a Worker in Hono: the key's SHA-256, an LRU of holders before a table in memory, what Portico answers, and no other guard.

import { createHash } from "node:crypto";

import { Hono } from "hono";
import { LRUCache } from "lru-cache";

const holders = new LRUCache({ max: 10_000 });
let table;

/** The holder by digest. The table stands for the database. */
function find(env, digest) {
  let holder = holders.get(digest);
  if (holder === undefined) {
    table ??= new Map(Object.entries(JSON.parse(env.TABLE)));
    holder = table.get(digest);
    if (holder !== undefined) holders.set(digest, holder);
  }
  return holder;
}

const app = new Hono();

app.use("/api/v1/auth/me", async (c, next) => {
  const key = c.req.header("x-api-key") ?? "";
  const holder = /^pk_[0-9A-Za-z]{38}$/.test(key) ? find(c.env, createHash("sha256").update(key).digest("base64")) : undefined;
  if (holder === undefined || holder.status !== "active" || (holder.expires_at !== null && Date.parse(holder.expires_at) <= Date.now()))
    return c.json({ code: "unauthenticated" }, 401);
  c.set("holder", holder);
  await next();
});

app.get("/api/v1/auth/me", (c) => {
  const { maker, headers } = c.get("holder");
  return c.json(maker, 200, headers);
});

export default app;
