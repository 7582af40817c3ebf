// Elements are made here and nowhere else. Whatever comes from the document or from an answer becomes text, never markup.

/** Makes an element: `make("p", { class: "quiet" }, "some text", anotherElement)`. Functions are listeners; null, undefined and false are left out. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key, value);
    else if (key === "value") element.value = value;
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Shows a description: paragraphs, lists by "- ", `code`, **strong** and links to pages. */
export function prose(text) {
  const blocks = (text ?? "").trim().split(/\n\s*\n/).filter(Boolean);
  return blocks.map((block) => {
    const lines = block.split("\n");
    if (lines.every((line) => /^\s*[-*] /.test(line))) {
      return make("ul", {}, lines.map((line) => make("li", {}, inline(line.replace(/^\s*[-*] /, "")))));
    }
    return make("p", {}, inline(block));
  });
}

/** The same within a line. */
export function inline(text) {
  const parts = (text ?? "").split(/(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)\s]+\))/);
  return parts.map((part) => {
    if (/^`.+`$/.test(part)) return make("code", {}, part.slice(1, -1));
    if (/^\*\*.+\*\*$/.test(part)) return make("strong", {}, part.slice(2, -2));
    const link = /^\[([^\]]+)\]\(([^)\s]+)\)$/.exec(part);
    if (link && /^(https?:\/\/|\/(?!\/)|#)/.test(link[2])) return make("a", { href: link[2], rel: "noreferrer" }, link[1]);
    return part;
  });
}

/** A button that copies a text. */
export function copyButton(label, text) {
  const button = make("button", { type: "button", class: "small", click: copy }, label);
  async function copy() {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "The browser doesn't let copy";
    }
    setTimeout(() => { button.textContent = label; }, 1500);
  }
  return button;
}

/** A field with its label, and what is to be known of it. */
export function field(id, label, input, notes = []) {
  input.id = id;
  if (notes.length > 0) input.setAttribute("aria-describedby", `${id}-notes`);
  return make("div", { class: "field" },
    make("label", { for: id }, label),
    input,
    notes.length > 0 && make("div", { class: "notes", id: `${id}-notes` }, notes));
}
