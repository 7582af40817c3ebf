// Opens /docs in Chromium as a person would: reads, searches, registers, asks who is calling, makes a key and uses it. The page may ask nobody but its
// own server, and may not break its own policy.
//
//   TEST_URL=http://127.0.0.1:8080 node tests/openapi/page.mjs [FOLDER FOR SCREENSHOTS]
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { chromium } from "playwright-core";

const url = process.env.TEST_URL;
const folder = process.argv[2];
assert.ok(url, "TEST_URL names the server");
const METHODS = ["get", "post", "put", "patch", "delete"];
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: FLAGS });
const faults = [];
const elsewhere = [];
const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
context.setDefaultTimeout(20_000);
await context.route((asked) => asked.origin !== url, (route) => {
  elsewhere.push(route.request().url());
  return route.abort();
});
const page = await context.newPage();
page.on("console", (message) => {
  // A refused request is an answer to show, which Chromium also calls an error.
  if (["error", "warning"].includes(message.type()) && !/the server responded with a status of 4/.test(message.text())) faults.push(message.text());
});
page.on("pageerror", (error) => faults.push(String(error)));
await page.addInitScript(() => document.addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)));

const shot = async (name) => { if (folder) await page.screenshot({ path: join(folder, `${name}.png`) }); };
const open = (id) => page.evaluate((to) => { location.hash = to; }, id);
const status = page.locator(".result .status strong");

async function send(expected) {
  await page.locator(".result").evaluate((result) => result.replaceChildren());
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await status.waitFor();
  assert.match(await status.innerText(), new RegExp(`^${expected}\\b`), await page.locator(".result").innerText());
}

try {
  const described = await (await fetch(`${url}/openapi.json`)).json();
  const operations = Object.entries(described.paths).flatMap(([path, item]) => METHODS.filter((method) => item[method]).map((method) => ({ path, method, ...item[method] })));
  const byPath = (method, path) => operations.find((one) => one.method === method && one.path === path)?.operationId ?? assert.fail(`${method} ${path} is not described`);

  const answer = await page.goto(`${url}/docs`);
  assert.equal(answer.status(), 200);
  const policy = answer.headers()["content-security-policy"];
  for (const wanted of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]) assert.ok(policy?.includes(wanted), `${wanted} in ${policy}`);
  assert.doesNotMatch(policy, /unsafe|\*/);

  const links = page.locator("#groups a");
  await links.first().waitFor();
  assert.deepEqual((await links.evaluateAll((all) => all.map((link) => link.dataset.id))).sort(), operations.map((one) => one.operationId).sort());
  await shot("welcome");

  // Every operation can be shown.
  for (const { operationId, path, summary } of operations) {
    await open(operationId);
    await page.waitForFunction((shown) => document.querySelector(".route code")?.textContent === shown, path);
    assert.equal(await page.locator("#title").innerText(), summary);
    await page.getByRole("button", { name: "Send", exact: true }).waitFor();
  }

  // By keyboard alone: search, and go to what is found first.
  await page.locator("#title").press("/");
  await page.keyboard.type("get auth/me");
  await page.keyboard.press("Enter");
  await page.waitForFunction((id) => location.hash === `#${id}`, byPath("get", "/api/v1/auth/me"));
  await page.locator("#search").fill("");
  assert.equal(await links.count(), operations.length);

  await send(401);
  assert.match(await page.locator(".result .body").innerText(), /"code": "unauthenticated"/);
  await shot("refused");

  const email = `reader-${randomUUID()}@example.com`;
  await page.locator("#session").click();
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill("short");
  await page.getByRole("button", { name: "Register" }).click();
  await page.locator("dialog .told:not(:empty)").waitFor();
  await shot("sign-in");
  await page.getByLabel("Password").fill("correct horse battery");
  await page.getByRole("button", { name: "Register" }).click();
  await page.locator("dialog").waitFor({ state: "hidden" });
  assert.match(await page.locator("#session").innerText(), new RegExp(email));

  await send(200);
  assert.match(await page.locator(".result .body").innerText(), new RegExp(email));
  const headers = await page.locator(".result .headers").innerText();
  for (const name of ["server-timing", "etag", "x-request-id", "cache-control"]) assert.ok(headers.includes(name), `${name} among ${headers}`);
  assert.match(await page.locator(".command").innerText(), /curl -i '[^']+\/api\/v1\/auth\/me' \\\n {2}-H "authorization: Bearer \$TOKEN"/);
  await shot("answered");

  await open(byPath("post", "/api/v1/api-keys"));
  await page.locator("#body").fill(JSON.stringify({ name: "from <b>the</b> page", scopes: ["models:read"] }));
  await send(201);
  assert.equal(await page.locator(".result b").count(), 0, "an answer became markup");
  await page.getByRole("button", { name: "Use this key" }).click();
  await open(byPath("get", "/api/v1/auth/me"));
  await page.getByLabel("Credential").selectOption("key");
  await send(200);
  assert.match(await page.locator(".command").innerText(), /x-api-key: \$KEY/);

  // A deep link, on a small and dark screen.
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto(`${url}/docs#${byPath("get", "/api/v1/books")}`);
  await page.reload();
  await page.getByLabel("limit").fill("1000");
  await send(422);
  await page.getByLabel("limit").fill("2");
  await send(200);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), "the page is wider than the screen");
  await page.evaluate(() => window.scrollTo(0, 0));
  await shot("small");
  await page.locator("#menu").click();
  await page.locator("#groups").waitFor();

  assert.deepEqual(elsewhere, [], "requests to other hosts");
  assert.deepEqual(faults, [], "errors in the console");
  console.log(`the page shows ${operations.length} operations, signs in, makes a key and uses it; ${elsewhere.length} requests to other hosts, ${faults.length} errors`);
} catch (error) {
  console.error(error.message, ...faults);
  await shot("failed");
  process.exitCode = 1;
} finally {
  await browser.close();
}
