// The form of an operation: collects what is sent, sends it, and shows what came back and the command that does the same.
import { copyButton, field, inline, make } from "/docs/dom.js";
import { boundsOf, exampleOf, resolve, typeOf } from "/docs/schema.js";
import { headersOf, holding, onChange, takeKey, takeTokens } from "/docs/session.js";

const MOST_SHOWN = 200_000;
const FIRST = ["content-type", "location", "etag", "cache-control", "retry-after", "ratelimit", "ratelimit-policy", "server-timing", "x-request-id"];

/** Makes the form of an operation. */
export function tryIt(operation) {
  const inputs = operation.parameters.map((parameter, place) => ({ parameter, input: inputOf(parameter), id: `parameter-${place}` }));
  const media = Object.entries(operation.body?.content ?? {})[0];
  const text = media && make("textarea", { rows: 8, spellcheck: "false", value: bodyExample(media[1]) });
  text?.setAttribute("rows", String(Math.min(20, text.value.split("\n").length + 1)));
  const named = Object.entries(media?.[1].examples ?? {});
  const accepts = [...new Set(operation.answers.filter(([status]) => status.startsWith("2")).flatMap(([, answer]) => Object.keys(answer.content ?? {})))];
  const accept = accepts.length > 1 && make("select", {}, accepts.map((kind) => make("option", {}, kind)));
  const credential = credentialChoice(operation);
  const command = make("code", { class: "command" });
  const result = make("section", { class: "result", "aria-live": "polite", "aria-label": "Answer" });
  const send = make("button", { class: "main" }, "Send");

  const request = () => {
    let path = operation.path;
    const query = new URLSearchParams();
    const headers = {};
    for (const { parameter, input } of inputs) {
      const value = input.value;
      if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
      else if (value === "") continue;
      else if (parameter.in === "query") query.append(parameter.name, value);
      else if (parameter.in === "header") headers[parameter.name.toLowerCase()] = value;
    }
    if (accept) headers.accept = accept.value;
    if (text?.value.trim()) headers["content-type"] = media[0];
    const asked = query.toString();
    return { method: operation.method, url: asked ? `${path}?${asked}` : path, headers, body: text?.value.trim() ? text.value : undefined };
  };
  const missing = () => inputs.find(({ parameter, input }) => parameter.in === "path" && input.value === "");
  const draw = () => { command.textContent = curl(request(), shownCredential(credential.value)); };

  const form = make("form", { class: "try", novalidate: true, input: draw, change: draw, submit: (event) => { event.preventDefault(); perform(); } },
    inputs.length > 0 && make("fieldset", {}, make("legend", {}, "Parameters"),
      inputs.map(({ parameter, input, id }) => field(id, labelOf(parameter), input, notesOf(parameter)))),
    text && make("fieldset", {}, make("legend", {}, "Body"),
      named.length > 1 && field("body-example", "Example", make("select", { change: (event) => { text.value = bodyExample({ examples: { one: named[event.target.value][1] } }); draw(); } },
        named.map(([name, example], place) => make("option", { value: place }, resolve(example).summary ?? name)))),
      field("body", media[0], text)),
    make("div", { class: "row" },
      field("credential", "Credential", credential),
      accept && field("accept", "Answer as", accept),
      send),
    make("details", { class: "curl", open: true }, make("summary", {}, "curl"), make("pre", { tabindex: 0 }, command),
      copyButton("Copy", () => command.textContent),
      " ", make("span", { class: "quiet" }, "$TOKEN and $KEY stand for your credentials.")),
    result);

  async function perform() {
    const empty = missing();
    if (empty) {
      result.replaceChildren(make("p", { class: "told" }, `${empty.parameter.name} is part of the path and must be given.`));
      empty.input.focus();
      return;
    }
    const { method, url, headers, body } = request();
    send.disabled = true;
    result.replaceChildren(make("p", { class: "quiet" }, "Waiting for the answer."));
    try {
      Object.assign(headers, await headersOf(credential.value));
      const began = performance.now();
      const response = await fetch(url, { method, headers, body, credentials: "omit", cache: "no-store", redirect: "manual" });
      const answered = performance.now() - began;
      const received = await response.text();
      result.replaceChildren(...answerView(response, received, answered, url));
    } catch (error) {
      result.replaceChildren(make("p", { class: "told" }, `No answer: ${error.message}`));
    } finally {
      send.disabled = false;
    }
  }

  onChange(() => {
    if (!form.isConnected) return;
    fillCredentials(credential, operation);
    draw();
  });
  draw();
  return form;
}

function labelOf(parameter) {
  return [make("code", {}, parameter.name), " ", make("span", { class: "type" }, `${parameter.in}, ${typeOf(parameter.schema)}`), parameter.required && make("span", { class: "required" }, " required")];
}

function notesOf(parameter) {
  const bounds = boundsOf(parameter.schema);
  const description = parameter.description ?? resolve(parameter.schema).description;
  return [description && make("p", {}, inline(description)), bounds && make("p", { class: "quiet" }, bounds)].filter(Boolean);
}

function inputOf(parameter) {
  const schema = resolve(parameter.schema);
  const choices = schema.enum ?? (schema.type === "boolean" ? [true, false] : null);
  if (choices) return make("select", {}, make("option", { value: "" }, parameter.required ? "choose" : "not sent"), choices.map((value) => make("option", {}, String(value))));
  const example = parameter.example ?? Object.values(parameter.examples ?? {}).map(resolve)[0]?.value ?? schema.examples?.[0] ?? schema.example;
  const numeric = [schema.type].flat().some((type) => type === "integer" || type === "number");
  return make("input", { type: "text", autocomplete: "off", spellcheck: "false", inputmode: numeric ? "numeric" : null, placeholder: example === undefined ? null : String(example) });
}

function bodyExample(media) {
  const first = resolve(Object.values(media.examples ?? {})[0]);
  const example = media.example ?? first?.value ?? exampleOf(media.schema);
  return example === undefined ? "" : JSON.stringify(example, null, 2);
}

const CREDENTIALS = [["token", "access token"], ["key", "API key"], ["none", "none"]];

function credentialChoice(operation) {
  const select = make("select");
  fillCredentials(select, operation);
  return select;
}

/** Offers what is held, and chooses what the operation takes. */
function fillCredentials(select, operation) {
  const { token, key } = holding();
  const has = { token, key, none: true };
  const fits = CREDENTIALS.find(([kind]) => has[kind] && operation.takes.has(kind));
  select.replaceChildren(...CREDENTIALS.map(([kind, label]) => make("option", { value: kind, disabled: !has[kind] }, has[kind] ? label : `${label} (sign in first)`)));
  select.value = fits?.[0] ?? "none";
}

function shownCredential(kind) {
  if (kind === "token") return ["authorization", "Bearer $TOKEN"];
  return kind === "key" ? ["x-api-key", "$KEY"] : null;
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curl({ method, url, headers, body }, credential) {
  const parts = [`curl -i${method === "GET" ? "" : ` -X ${method}`} ${quoted(location.origin + url)}`];
  for (const [name, value] of Object.entries(headers)) parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (credential) parts.push(`-H "${credential[0]}: ${credential[1]}"`);
  if (body !== undefined) parts.push(`--data ${quoted(body)}`);
  return parts.join(" \\\n  ");
}

function answerView(response, received, milliseconds, url) {
  if (response.type === "opaqueredirect") {
    return [make("p", {}, "The answer sends the browser elsewhere, which this page doesn't follow. "), make("p", {}, make("a", { href: url, target: "_blank", rel: "noreferrer" }, "Open it in a tab of its own"))];
  }
  const headers = [...response.headers].sort(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b));
  const kind = response.headers.get("content-type") ?? "";
  const answer = kind.includes("json") && !kind.includes("ndjson") ? parsed(received) : undefined;
  const shown = answer === undefined ? received : JSON.stringify(answer, null, 2);
  const bytes = new TextEncoder().encode(received).length;
  const state = response.ok ? "good" : response.status >= 500 ? "bad" : "refused";
  return [
    make("p", { class: "status" }, make("strong", { class: state }, `${response.status} ${response.statusText}`), ` in ${milliseconds.toFixed(1)} ms, ${bytes} bytes `, ...offers(answer)),
    make("details", { open: true }, make("summary", {}, "Headers"), make("dl", { class: "headers" }, headers.map(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]))),
    shown === "" ? make("p", { class: "quiet" }, "No body.") : make("pre", { class: "body", tabindex: 0 }, make("code", {}, shown.slice(0, MOST_SHOWN))),
    shown.length > MOST_SHOWN && make("p", { class: "quiet" }, `The first ${MOST_SHOWN} characters of ${shown.length}.`),
    shown !== "" && copyButton("Copy the body", () => shown),
  ].filter(Boolean);
}

/** What can be done with an answer that carries a credential. */
function offers(answer) {
  const found = [];
  const offer = (label, take) => found.push(make("button", { type: "button", class: "small", click: (event) => { take(); event.target.textContent = "In use"; } }, label));
  if (typeof answer?.access_token === "string") offer("Use this token", () => takeTokens(answer));
  if (typeof answer?.key === "string" && answer.key.startsWith("pk_")) offer("Use this key", () => takeKey(answer.key));
  return found;
}

function rank(name) {
  const place = FIRST.indexOf(name);
  return place < 0 ? FIRST.length : place;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
