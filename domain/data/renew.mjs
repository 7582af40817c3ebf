#!/usr/bin/env node
// Renews agents.txt, the list of programs that name themselves, from the npm package crawler-user-agents:
//
//   node domain/data/renew.mjs [version]
//
// The package's patterns are regular expressions that are, but for a handful, plain words. They are written down as plain words here, so that
// the product needs no regular expressions; what can't be is told and left out.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const wanted = process.argv[2] ?? "latest";

// What persons' browsers, phones and mail programs also say.
const PERSONS = new Map([
  ["ap3a.240617.008", "a build of Android"],
  ["sonic", "phones"],
  ["fever", "phones"],
  ["butterfly", "phones"],
  ["blackboard", "an app for students"],
  ["dmbrowser", "a browser"],
  ["fluid", "a browser"],
  ["webmon", "WebMoney, an add-on"],
]);
// What the sorter knows without a list; see `BOT_WORDS` in domain/src/models/bot/agents.rs.
const WORDS = /(?<!cu)bots?(?![a-z])|crawl|spider/;
const TOOLS = new Set(["http-library", "browser-automation"]);

function unpack() {
  const folder = mkdtempSync(join(tmpdir(), "agents-"));
  try {
    const packed = execFileSync("npm", ["pack", "--silent", `crawler-user-agents@${wanted}`], { cwd: folder, encoding: "utf8" });
    execFileSync("tar", ["xzf", packed.trim()], { cwd: folder });
    const read = (name) => readFileSync(join(folder, "package", name), "utf8");
    return { version: JSON.parse(read("package.json")).version, agents: JSON.parse(read("crawler-user-agents.json")), licence: read("LICENSE") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// The alternatives of a pattern, split where nothing is open.
function alternatives(pattern) {
  const parts = [""];
  let open = 0;
  for (let i = 0; i < pattern.length; i += 1) {
    const letter = pattern[i];
    if (letter === "\\") {
      parts[parts.length - 1] += letter + pattern[(i += 1)];
    } else if (letter === "|" && open === 0) {
      parts.push("");
    } else {
      open += (letter === "(") - (letter === ")");
      parts[parts.length - 1] += letter;
    }
  }
  return parts;
}

// The plain words that a pattern without alternatives stands for, in lower case; null when there is no end to them.
function words(pattern) {
  let found = [""];
  const add = (texts) => {
    found = found.flatMap((word) => texts.map((text) => word + text));
  };
  for (let i = 0; i < pattern.length; i += 1) {
    const letter = pattern[i];
    const end = { "[": pattern.indexOf("]", i), "(": pattern.indexOf(")", i) }[letter];
    if (letter === "\\") {
      const escaped = pattern[(i += 1)];
      if (/[a-z0-9]/i.test(escaped)) return null;
      add([escaped]);
    } else if (letter === "[") {
      const same = new Set(pattern.slice(i + 1, end).toLowerCase());
      if (same.size !== 1 || /[*+?]/.test(pattern[end + 1] ?? "")) return null;
      add([...same]);
      i = end;
    } else if (letter === "(") {
      const texts = pattern.slice(i + 1, end).split("|");
      if (texts.some((text) => /[\^$[\\]/.test(text))) return null;
      add(texts);
      i = end;
    } else if (/[.^$*+?{}]/.test(letter)) {
      return null;
    } else {
      add([letter]);
    }
  }
  return found.map((word) => word.toLowerCase());
}

// Words are looked for where a word begins, which is what these prefixes and ends say or nearly say.
const plain = (pattern) => pattern.replace(/^\(\^\| \)/, "").replace(/(\(\[\^-\]\|\$\)|\$)$/, "");

const { version, agents, licence } = unpack();
const kept = new Map();
const leftOut = [];
for (const { pattern, tags } of agents) {
  const kind = tags.some((tag) => TOOLS.has(tag)) ? "tool" : "bot";
  for (const part of alternatives(plain(pattern))) {
    const atStart = part.startsWith("^");
    const found = words(atStart ? part.slice(1) : part);
    if (found === null) leftOut.push(pattern);
    for (const word of (found ?? []).map((text) => text.trimEnd())) {
      if (PERSONS.has(word) || !/^[\x21-\x7e][\x20-\x7e]{2,}$/.test(word) || (kind === "bot" && WORDS.test(word))) continue;
      const line = (atStart ? "^" : "") + word;
      if (kept.get(line) !== "bot") kept.set(line, kind);
    }
  }
}
const list = (kind) => [...kept].filter(([, k]) => k === kind).map(([line]) => line).sort();
const text = [
  `# Programs that name themselves in User-Agent, from crawler-user-agents ${version}`,
  "# (https://github.com/monperrus/crawler-user-agents, MIT; its licence is LICENSE-crawler-user-agents beside this file).",
  "# Made by renew.mjs; don't edit. In lower case, a word a line; ^ stands for the beginning of the agent.",
  "[bots]", ...list("bot"), "[tools]", ...list("tool"), "",
].join("\n");
writeFileSync(join(here, "agents.txt"), text);
writeFileSync(join(here, "LICENSE-crawler-user-agents"), licence);
console.log(`${kept.size} words of ${agents.length} patterns of version ${version}; left out: ${leftOut.join("  ") || "none"}`);
