// The page: loads the description of the API, lists its operations, and shows the one that the address names.
import { inline, make, prose } from "/docs/dom.js";
import { resolve, schemaView, useDocument } from "/docs/schema.js";
import { bindDialog } from "/docs/session.js";
import { tryIt } from "/docs/try.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
const at = (id) => document.getElementById(id);
const state = { described: null, operations: [] };

/** Gives the operations of the document, in its order. */
function operationsOf(described) {
  const schemes = described.components?.securitySchemes ?? {};
  return Object.entries(described.paths ?? {}).flatMap(([path, item]) => METHODS.filter((method) => item[method]).map((method) => {
    const own = item[method];
    const required = own.security ?? described.security ?? [];
    return {
      id: own.operationId ?? `${method}${path}`, method: method.toUpperCase(), path,
      tag: own.tags?.[0] ?? "Other", summary: own.summary ?? "", description: own.description ?? "", deprecated: own.deprecated === true,
      parameters: [...(item.parameters ?? []), ...(own.parameters ?? [])].map(resolve),
      body: own.requestBody && resolve(own.requestBody),
      answers: Object.entries(own.responses ?? {}).map(([status, answer]) => [status, resolve(answer)]),
      takes: new Set(required.length === 0 ? ["none"] : required.flatMap((one) => (Object.keys(one).length === 0 ? ["none"] : Object.keys(one).map((name) => kindOf(schemes[name]))))),
    };
  }));
}

function kindOf(scheme) {
  if (scheme?.type === "http") return "token";
  return scheme?.type === "apiKey" && scheme.in === "header" ? "key" : "cookie";
}

function badge(method) {
  return make("span", { class: `method ${method.toLowerCase()}` }, method);
}

/** Draws the list of those that have all words of the search. */
function drawList() {
  const words = at("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = state.operations.filter((one) => {
    const text = [one.method, one.path, one.id, one.tag, one.summary, one.description].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const known = (state.described.tags ?? []).map((tag) => tag.name);
  const tags = [...new Set([...known, ...chosen.map((one) => one.tag)])];
  at("groups").replaceChildren(...tags.flatMap((tag) => {
    const members = chosen.filter((one) => one.tag === tag);
    if (members.length === 0) return [];
    return [make("section", {}, make("h2", {}, tag), make("ul", {}, members.map((one) => make("li", {},
      make("a", { href: `#${one.id}`, "data-id": one.id }, badge(one.method), make("span", { class: "path" }, one.path), make("span", { class: "summary" }, one.summary))))))];
  }));
  at("found").textContent = words.length > 0 ? `${chosen.length} of ${state.operations.length} routes` : `${chosen.length} routes`;
  markCurrent();
  return chosen;
}

function markCurrent() {
  const id = decodeURIComponent(location.hash.slice(1));
  for (const link of at("groups").querySelectorAll("a")) {
    if (link.dataset.id === id) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function answerView([status, answer]) {
  const contents = Object.entries(answer.content ?? {});
  const headers = Object.entries(answer.headers ?? {});
  return make("details", { class: "answer" },
    make("summary", {}, make("strong", { class: status < 400 ? "good" : status < 500 ? "refused" : "bad" }, status), " ", inline(answer.description)),
    headers.length > 0 && make("dl", { class: "headers" }, headers.map(([name, header]) => [make("dt", {}, name), make("dd", {}, inline(resolve(header).description ?? resolve(resolve(header).schema).description ?? ""))])),
    contents.map(([kind, media]) => make("div", {}, make("p", { class: "quiet" }, kind), examplesView(media), media.schema && make("details", { open: status < 300 }, make("summary", {}, "Schema"), schemaView(media.schema)))));
}

function examplesView(media) {
  const named = Object.entries(media.examples ?? {}).map(([name, example]) => [name, resolve(example)]);
  if (media.example !== undefined) named.push(["example", { value: media.example }]);
  return named.map(([name, example]) => make("details", {},
    make("summary", {}, make("code", {}, name), example.summary && ` ${example.summary}`),
    make("pre", { tabindex: 0 }, make("code", {}, typeof example.value === "string" ? example.value : JSON.stringify(example.value, null, 2)))));
}

function operationView(one) {
  const media = Object.entries(one.body?.content ?? {});
  return make("article", {},
    make("h1", { tabindex: -1, id: "title" }, one.summary || one.id),
    make("p", { class: "route" }, badge(one.method), make("code", {}, one.path), one.deprecated && make("span", { class: "refused" }, " deprecated")),
    prose(one.description),
    make("h2", {}, "Try it"), tryIt(one),
    media.length > 0 && [make("h2", {}, "Body"), media.map(([kind, content]) => make("div", {}, make("p", { class: "quiet" }, kind), content.schema && schemaView(content.schema)))],
    make("h2", {}, "Answers"), one.answers.map(answerView));
}

function welcome() {
  const { info, tags = [] } = state.described;
  return make("article", {}, make("h1", { tabindex: -1, id: "title" }, info.title), prose(info.description),
    make("p", {}, "Choose a route, or press ", make("kbd", {}, "/"), " to search. Sign in to try those that need it."),
    tags.map((tag) => [make("h2", {}, tag.name), prose(tag.description),
      make("ul", { class: "plain" }, state.operations.filter((one) => one.tag === tag.name).map((one) => make("li", {}, make("a", { href: `#${one.id}` }, badge(one.method), make("code", {}, one.path)), " ", one.summary)))]),
    make("p", { class: "quiet" }, "Made from ", make("a", { href: "/openapi.json" }, "/openapi.json"), ", from which clients can be generated."));
}

function show(focus) {
  const id = decodeURIComponent(location.hash.slice(1));
  const one = state.operations.find((operation) => operation.id === id);
  if (!one && id !== "") at("content").replaceChildren(make("p", {}, `There is no operation ${id}.`));
  else at("content").replaceChildren(one ? operationView(one) : welcome());
  document.title = one ? `${one.summary || one.id} · ${state.described.info.title}` : state.described.info.title;
  markCurrent();
  openMenu(false);
  if (focus) {
    window.scrollTo(0, 0);
    at("title")?.focus({ preventScroll: true });
  }
}

function openMenu(open) {
  at("menu").setAttribute("aria-expanded", String(open));
  at("routes").classList.toggle("open", open);
}

function bindKeys() {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, dialog");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      openMenu(true);
      at("search").focus();
    }
  });
  at("search").addEventListener("input", drawList);
  at("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      const [first] = drawList();
      if (first) location.hash = first.id;
    } else if (event.key === "Escape") {
      at("search").value = "";
      drawList();
    }
  });
  at("menu").addEventListener("click", () => openMenu(at("menu").getAttribute("aria-expanded") !== "true"));
  at("skip").addEventListener("click", (event) => {
    event.preventDefault();
    at("content").focus();
  });
  window.addEventListener("hashchange", () => show(true));
}

async function begin() {
  try {
    const response = await fetch("/openapi.json", { headers: { accept: "application/json" }, credentials: "omit" });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    state.described = await response.json();
  } catch (error) {
    at("content").replaceChildren(make("p", { class: "told", role: "alert" }, `The description could not be loaded: ${error.message}.`));
    return;
  }
  useDocument(state.described);
  state.operations = operationsOf(state.described);
  at("version").textContent = state.described.info.version ?? "";
  bindDialog(at("credentials"), at("session"));
  bindKeys();
  drawList();
  show(false);
}

begin();
