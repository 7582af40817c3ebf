// A program over the client that is generated from /openapi.json: what it may send and what it gets is checked by the compiler, and then tried on a server.
//
//   TEST_URL=http://127.0.0.1:8080 node target/openapi/client.mjs
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "portico";

type Problem = components["schemas"]["Problem"];

const baseUrl = process.env.TEST_URL;
assert.ok(baseUrl, "TEST_URL names the server");
const client = createClient<paths>({ baseUrl });

function signedBy(headers: Record<string, string>): Middleware {
  return {
    onRequest({ request }) {
      for (const [name, value] of Object.entries(headers)) request.headers.set(name, value);
      return request;
    },
  };
}

// A refusal is a problem, whose code is one of those that the operation has.
const email = `client-${randomUUID()}@example.com`;
const short = await client.POST("/api/v1/auth/register", { body: { email, password: "short" } });
assert.equal(short.response.status, 422);
const problem: Problem | undefined = short.error;
assert.equal(problem?.code, "validation_failed");
assert.deepEqual(problem?.errors?.map((fault) => fault.field), ["password"]);

const password = "correct horse battery";
const registered = await client.POST("/api/v1/auth/register", { body: { email, password } });
assert.ok(registered.data, JSON.stringify(registered.error));
const signedIn = await client.POST("/api/v1/auth/login", { body: { email, password } });
assert.ok(signedIn.data, JSON.stringify(signedIn.error));
const token: string = signedIn.data.access_token;

const nobody = await client.GET("/api/v1/auth/me");
assert.equal(nobody.error?.code, "unauthenticated");

const person = createClient<paths>({ baseUrl });
person.use(signedBy({ authorization: `Bearer ${token}` }));
const me = await person.GET("/api/v1/auth/me");
assert.equal(me.data?.email, email);

const made = await person.POST("/api/v1/api-keys", { body: { name: "client", scopes: ["models:read"] } });
assert.ok(made.data, JSON.stringify(made.error));
const key: string = made.data.key;
const program = createClient<paths>({ baseUrl });
program.use(signedBy({ "x-api-key": key }));
assert.equal((await program.GET("/api/v1/auth/me")).data?.id, me.data?.id);
const models = await program.GET("/api/v1/models", { params: { query: { limit: 2, order: "asc" } } });
// The other form, lines of JSON, is for those that ask for it.
assert.ok(typeof models.data === "object" && models.data.data.length <= 2);

const keys = await person.GET("/api/v1/api-keys/{id}", { params: { path: { id: made.data.id } } });
assert.equal(keys.data?.prefix, key.slice(0, 8));

const books = await client.GET("/api/v1/books", { params: { query: { limit: 5 } } });
assert.ok(books.data);
for (const book of books.data.data) assert.ok(book.price_cents >= 0);
const missing = await client.GET("/api/v1/books/{id}", { params: { path: { id: randomUUID() } } });
assert.equal(missing.error?.code, "not_found");

// What the description doesn't have doesn't compile.
// @ts-expect-error there is no such path
void (() => client.GET("/api/v1/nothing"));
// @ts-expect-error an e-mail address is text
void (() => client.POST("/api/v1/auth/login", { body: { email: 1, password } }));
// @ts-expect-error no such member
void (() => books.data?.data[0]?.pages);

console.log(`the generated client signed in, made a key and listed ${books.data.data.length} books`);
