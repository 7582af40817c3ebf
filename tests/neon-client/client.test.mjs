// Neon's client, over what it can send: types, parameters, batches, isolation levels, errors, limits.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { neon, neonConfig } from "@neondatabase/serverless";

const endpoint = process.env.NEON_SQL_URL;
const connectionString = process.env.NEON_CONNECTION_STRING;
neonConfig.fetchEndpoint = endpoint;
const sql = neon(connectionString);
const full = neon(connectionString, { fullResults: true });

const post = (body, headers = {}) =>
  fetch(endpoint, {
    method: "POST",
    headers: { "Neon-Connection-String": connectionString, ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

before(async () => {
  await sql`CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL, price numeric(10,2), tags text[], data jsonb)`;
});

// Each row: SQL type, literal, what the client makes of it.
const types = [
  ["bool", "true", true],
  ["bool", "false", false],
  ["int2", "-3", -3],
  ["int4", "2147483647", 2147483647],
  ["int8", "9007199254740993", "9007199254740993"],
  ["float4", "1.5", 1.5],
  ["float8", "0.1", 0.1],
  ["float8", "'NaN'", NaN],
  ["float8", "'-Infinity'", -Infinity],
  ["numeric", "12.340", "12.340"],
  ["text", "'quote '' and \"double\" and ü and 😀'", "quote ' and \"double\" and ü and 😀"],
  ["text", "''", ""],
  ["varchar(5)", "'abc'", "abc"],
  ["uuid", "'01890a5d-ac96-774b-bcce-b302099a8057'", "01890a5d-ac96-774b-bcce-b302099a8057"],
  ["json", `'{"a": [1, null]}'`, { a: [1, null] }],
  ["jsonb", `'[1,"x",{"y":null}]'`, [1, "x", { y: null }]],
  ["bytea", "'\\x00ff10'", Buffer.from([0x00, 0xff, 0x10])],
  ["int4[]", "'{{1,2},{3,NULL}}'", [[1, 2], [3, null]]],
  ["text[]", `'{plain,"with \\"quote\\"",NULL,"NULL",""}'`, ["plain", 'with "quote"', null, "NULL", ""]],
  ["int4[]", "'{}'", []],
  ["timestamptz", "'2026-02-03 04:05:06.789+00'", new Date("2026-02-03T04:05:06.789Z")],
];
for (const [type, literal, expected] of types) {
  test(`a ${type} of ${literal}`, async () => {
    const [row] = await sql.query(`SELECT ${literal}::${type} AS v, NULL::${type} AS n`);
    assert.deepEqual(row, { v: expected, n: null });
  });
}

// Each row: SQL expression of the parameter, what is sent, what comes back.
const parameters = [
  ["$1::text", "it's", "it's"],
  ["$1::text", null, null],
  ["$1::int4", 42, 42],
  ["$1::int8", "9007199254740993", "9007199254740993"],
  ["$1::float8", 1.25, 1.25],
  ["$1::bool", true, true],
  ["$1::jsonb", { k: ["v", 1] }, { k: ["v", 1] }],
  ["$1::jsonb", "[1,2]", [1, 2]],
  ["$1::text[]", ["a", 'b"c', null, "d,e"], ["a", 'b"c', null, "d,e"]],
  ["$1::int4[]", [1, 2, 3], [1, 2, 3]],
  ["$1::bytea", Buffer.from([1, 2, 255]), Buffer.from([1, 2, 255])],
  ["$1::timestamptz", "2026-01-01T00:00:00Z", new Date("2026-01-01T00:00:00Z")],
  ["1 + $1", 41, 42],
];
for (const [expression, sent, expected] of parameters) {
  test(`a parameter ${expression} of ${JSON.stringify(sent)}`, async () => {
    const [row] = await sql.query(`SELECT ${expression} AS v`, [sent]);
    assert.deepEqual(row, { v: expected });
  });
}

test("writes tell command and row count, and describe their columns", async () => {
  const inserted = await full`INSERT INTO items VALUES (1, 'one', 1.50, ARRAY['a'], '{"n":1}'), (2, 'two', NULL, NULL, NULL) RETURNING id, price`;
  assert.equal(inserted.command, "INSERT");
  assert.equal(inserted.rowCount, 2);
  assert.deepEqual(inserted.rows, [{ id: 1, price: "1.50" }, { id: 2, price: null }]);
  assert.deepEqual(
    inserted.fields.map(({ name, dataTypeID, columnID, format }) => [name, dataTypeID, columnID, format]),
    [["id", 23, 1, "text"], ["price", 1700, 3, "text"]],
  );
  assert.ok(inserted.fields.every((field) => field.tableID > 0));
  assert.equal((await full`UPDATE items SET name = 'uno' WHERE id = 1`).rowCount, 1);
  assert.equal((await full`DELETE FROM items WHERE id = 99`).rowCount, 0);
  const made = await full`CREATE TABLE empty_one ()`;
  assert.deepEqual([made.command, made.rowCount, made.rows], ["CREATE", null, []]);
});

test("rows come as arrays when asked for", async () => {
  assert.deepEqual(await neon(connectionString, { arrayMode: true })`SELECT 1 AS a, 'x' AS b`, [[1, "x"]]);
});

test("a batch is one transaction: all or nothing", async () => {
  const done = await sql.transaction([
    sql`INSERT INTO items VALUES (10, 'ten')`,
    sql`SELECT name FROM items WHERE id = 10`,
  ]);
  assert.deepEqual(done, [[], [{ name: "ten" }]]);
  await assert.rejects(
    sql.transaction([sql`INSERT INTO items VALUES (11, 'eleven')`, sql`INSERT INTO items VALUES (10, 'again')`]),
    (error) => error.code === "23505",
  );
  assert.deepEqual(await sql`SELECT id FROM items WHERE id = 11`, []);
});

test("a deferred constraint fails the batch at its commit", async () => {
  await sql`CREATE TABLE later (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)`;
  await assert.rejects(
    sql.transaction([sql`INSERT INTO later VALUES (1)`, sql`INSERT INTO later VALUES (1)`]),
    (error) => error.code === "23505",
  );
  assert.deepEqual(await sql`SELECT * FROM later`, []);
});

for (const [isolationLevel, shown] of [
  ["ReadUncommitted", "read uncommitted"],
  ["ReadCommitted", "read committed"],
  ["RepeatableRead", "repeatable read"],
  ["Serializable", "serializable"],
]) {
  test(`a batch at ${isolationLevel}`, async () => {
    const [[row]] = await sql.transaction([sql`SHOW transaction_isolation`], { isolationLevel });
    assert.equal(row.transaction_isolation, shown);
  });
}

test("a read-only, deferrable batch is that, and may not write", async () => {
  const options = { isolationLevel: "Serializable", readOnly: true, deferrable: true };
  const [[only], [waits]] = await sql.transaction(
    [sql`SHOW transaction_read_only`, sql`SHOW transaction_deferrable`],
    options,
  );
  assert.deepEqual([only.transaction_read_only, waits.transaction_deferrable], ["on", "on"]);
  await assert.rejects(sql.transaction([sql`DELETE FROM items`], options), (error) => error.code === "25006");
});

// Each row: statement, parameters, and the members that the error must have.
const errors = [
  ["SELEC 1", [], { code: "42601", severity: "ERROR", position: "1" }],
  ["SELECT * FROM nowhere", [], { code: "42P01" }],
  ["INSERT INTO items VALUES (10, 'again')", [], { code: "23505", constraint: "items_pkey", table: "items", schema: "public" }],
  ["INSERT INTO items VALUES (12, NULL)", [], { code: "23502", column: "name", table: "items" }],
  ["SELECT $1::int", ["x"], { code: "22P02" }],
  ["SELECT $1::int + $2::int", [1], { code: "08P01" }],
  ["SELECT 1; SELECT 2", [], { code: "42601" }],
  ["SELECT 1/0", [], { code: "22012" }],
];
for (const [statement, params, expected] of errors) {
  test(`the error of ${statement}`, async () => {
    await assert.rejects(sql.query(statement, params), (error) => {
      assert.equal(error.name, "NeonDbError");
      for (const [member, value] of Object.entries(expected)) assert.equal(error[member], value, member);
      assert.ok(error.message && error.file && error.line && error.routine);
      return true;
    });
  });
}

test("a wrong password is told with its SQLSTATE", async () => {
  const wrong = new URL(connectionString);
  wrong.password = "not-the-password";
  await assert.rejects(neon(wrong.href)`SELECT 1`, (error) => error.code === "28P01");
});

test("nothing of a session is left to the next request", async () => {
  await sql`SET application_name = 'left over'`;
  await sql`BEGIN`;
  const [row] = await sql`SELECT current_setting('application_name') AS name,
    (SELECT count(*)::int FROM pg_stat_activity WHERE state LIKE 'idle in transaction%') AS open`;
  assert.deepEqual(row, { name: "", open: 0 });
});

test("without raw text, values have JSON types of their own", async () => {
  const query = `SELECT 1::int4 AS i, 2::int8 AS l, 1.5::float8 AS f, true AS b, '{"a":1}'::jsonb AS j, '{1,2}'::int4[] AS r, NULL AS n`;
  const typed = await (await post({ query })).json();
  assert.deepEqual(typed.rows, [{ i: 1, l: "2", f: 1.5, b: true, j: { a: 1 }, r: [1, 2], n: null }]);
  assert.equal(typed.rowAsArray, false);
  const raw = await (await post({ query, arrayMode: true }, { "Neon-Raw-Text-Output": "true" })).json();
  assert.deepEqual(raw.rows, [["1", "2", "1.5", "t", '{"a": 1}', "{1,2}", null]]);
});

// Each row: what is wrong, the body, the headers that differ, the status.
const refused = [
  ["no connection string", { query: "SELECT 1" }, { "Neon-Connection-String": "" }, 400],
  ["an address for a host", { query: "SELECT 1" }, { "Neon-Connection-String": "postgres://u:p@127.0.0.1/d" }, 400],
  ["no password", { query: "SELECT 1" }, { "Neon-Connection-String": "postgres://u@ep.example/d" }, 400],
  ["a bearer token", { query: "SELECT 1" }, { Authorization: "Bearer x" }, 400],
  ["an unknown isolation level", { queries: [] }, { "Neon-Batch-Isolation-Level": "serializable" }, 400],
  ["a body that is no JSON", "{", {}, 400],
  ["a body of another shape", { q: 1 }, {}, 400],
  ["a request that is too long", { query: `SELECT '${"x".repeat(100_000)}'` }, {}, 413],
  ["an answer that is too long", { query: "SELECT repeat('x', 200000)" }, {}, 507],
];
for (const [name, body, headers, status] of refused) {
  test(`${name} is ${status}`, async () => {
    const response = await post(body, headers);
    assert.equal(response.status, status);
    assert.ok(typeof (await response.json()).message === "string");
  });
}

test("every answer has a request id", async () => {
  assert.ok((await post({ query: "SELECT 1" })).headers.get("neon-request-id"));
});
