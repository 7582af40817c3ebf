// JSON Schema as the document uses it (draft 2020-12): said in words, shown as a table, and made into an example.
import { inline, make } from "/docs/dom.js";

const DEPTH = 6;
let document_ = {};

/** Tells which document references are looked up in. */
export function useDocument(loaded) {
  document_ = loaded;
}

/** Follows a reference to what it names, in this document. */
export function resolve(value) {
  let found = value ?? {};
  for (let hops = 0; found.$ref && hops < 10; hops += 1) {
    const target = found.$ref.replace(/^#\//, "").split("/").map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"));
    const { $ref: _, ...beside } = found;
    const named = target.reduce((place, part) => place?.[part], document_) ?? {};
    found = { ...named, ...beside };
  }
  return found;
}

/** One schema of several that all hold. */
function merged(schema) {
  const own = resolve(schema);
  if (!own.allOf) return own;
  const parts = [...own.allOf.map(merged), { ...own, allOf: undefined }];
  const properties = {};
  for (const [name, value] of parts.flatMap((part) => Object.entries(part.properties ?? {}))) {
    properties[name] = properties[name] ? { ...resolve(properties[name]), ...resolve(value) } : value;
  }
  return { ...Object.assign({}, ...parts), properties, required: parts.flatMap((part) => part.required ?? []) };
}

const variants = (schema) => schema.oneOf ?? schema.anyOf ?? [];

/** The type in a word or two, such as `string or null`. */
export function typeOf(reference) {
  const name = /\/([^/]+)$/.exec(reference?.$ref ?? "")?.[1];
  const schema = merged(reference);
  if (name && (schema.properties || variants(schema).length > 0)) return name;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const choices = variants(schema);
  if (choices.length > 0) return [...new Set(choices.map(typeOf))].join(" or ");
  const types = [schema.type ?? (schema.properties ? "object" : "any")].flat();
  return types.map((type) => {
    if (type === "array" && schema.items) return `array of ${typeOf(schema.items)}`;
    if (type === "string" && schema.format) return schema.format;
    return type;
  }).join(" or ");
}

/** What a value is bound by, in words. */
export function boundsOf(reference) {
  const schema = merged(reference);
  const bounds = [];
  const span = (least, most, unit) => {
    if (least !== undefined && most !== undefined) bounds.push(least === most ? `${least}${unit}` : `${least} to ${most}${unit}`);
    else if (least !== undefined) bounds.push(`at least ${least}${unit}`);
    else if (most !== undefined) bounds.push(`at most ${most}${unit}`);
  };
  if (schema.enum) bounds.push(`one of ${schema.enum.map((value) => JSON.stringify(value)).join(", ")}`);
  span(schema.minimum, schema.maximum, "");
  if (schema.exclusiveMinimum !== undefined) bounds.push(`more than ${schema.exclusiveMinimum}`);
  if (schema.exclusiveMaximum !== undefined) bounds.push(`less than ${schema.exclusiveMaximum}`);
  span(schema.minLength, schema.maxLength, " characters");
  span(schema.minItems, schema.maxItems, " items");
  span(schema.minProperties, schema.maxProperties, " members");
  if (schema.uniqueItems) bounds.push("each once");
  if (schema.pattern) bounds.push(`like ${schema.pattern}`);
  if (schema.default !== undefined) bounds.push(`by default ${JSON.stringify(schema.default)}`);
  for (const choice of variants(schema)) bounds.push(...boundsOf(choice));
  return [...new Set(bounds)].join("; ");
}

/** A value that the schema allows, as near to the document's own examples as can be. */
export function exampleOf(reference, depth = 0) {
  const schema = merged(reference);
  const given = [schema.example, schema.examples?.[0], schema.const, schema.default, schema.enum?.[0]].find((value) => value !== undefined);
  if (given !== undefined || depth > DEPTH) return given;
  const choice = variants(schema).find((one) => merged(one).type !== "null");
  if (choice) return exampleOf(choice, depth + 1);
  const type = [schema.type ?? (schema.properties ? "object" : undefined)].flat().find((one) => one !== "null");
  if (type === "object") {
    const members = Object.entries(schema.properties ?? {}).map(([name, value]) => [name, exampleOf(value, depth + 1)]);
    return Object.fromEntries(members.filter(([, value]) => value !== undefined));
  }
  if (type === "array") {
    const item = exampleOf(schema.items ?? {}, depth + 1);
    return item === undefined ? [] : [item];
  }
  if (type === "integer" || type === "number") return schema.minimum ?? 0;
  if (type === "boolean") return false;
  if (type === "string") return ofFormat(schema);
  return undefined;
}

function ofFormat(schema) {
  switch (schema.format) {
    case "date-time": return "2026-01-31T12:00:00Z";
    case "date": return "2026-01-31";
    case "uuid": return "01890a5d-ac96-774b-bcce-b302099a8057";
    case "email": return "ada@example.com";
    case "uri": return "https://example.com/";
    default: return "text";
  }
}

/** Shows a schema: a table of members, those inside behind a disclosure. */
export function schemaView(reference, depth = 0, above = []) {
  const schema = merged(reference);
  const name = reference?.$ref;
  if (name && above.includes(name)) return make("p", { class: "quiet" }, `${typeOf(reference)}, as above`);
  const path = name ? [...above, name] : above;
  const choices = variants(schema).filter((choice) => merged(choice).type !== "null");
  if (choices.length === 1) return schemaView(choices[0], depth, path);
  if (choices.length > 1) {
    return make("div", {}, choices.map((choice) => make("details", { open: depth === 0 }, make("summary", {}, typeOf(choice)), schemaView(choice, depth + 1, path))));
  }
  if (schema.items && depth <= DEPTH) {
    return make("div", {}, make("p", { class: "quiet" }, [typeOf(reference), boundsOf(schema)].filter(Boolean).join(", ")), hasInside(schema.items) && schemaView(schema.items, depth + 1, path));
  }
  const members = Object.entries(schema.properties ?? {});
  if (members.length === 0) {
    const more = schema.additionalProperties;
    const free = more && typeof more === "object" && hasInside(more);
    return make("div", {},
      make("p", { class: "quiet" }, [typeOf(reference), boundsOf(schema)].filter(Boolean).join(", ")),
      free && make("p", { class: "quiet" }, "each member:"), free && schemaView(more, depth + 1, path));
  }
  return make("dl", { class: "members" }, members.map(([key, value]) => [
    make("dt", {}, make("code", {}, key), " ", make("span", { class: "type" }, typeOf(value)),
      (schema.required ?? []).includes(key) && make("span", { class: "required" }, " required")),
    make("dd", {}, memberView(value, depth, path)),
  ]));
}

function memberView(value, depth, path) {
  const schema = merged(value);
  const bounds = boundsOf(value);
  const inner = hasInside(value) && depth < DEPTH;
  return [
    schema.description && make("p", {}, inline(schema.description)),
    bounds && make("p", { class: "quiet" }, bounds),
    inner && make("details", {}, make("summary", {}, "Members"), schemaView(value, depth + 1, path)),
  ];
}

function hasInside(reference) {
  const schema = merged(reference);
  if (schema.properties) return true;
  if (schema.items) return hasInside(schema.items);
  if (schema.additionalProperties && typeof schema.additionalProperties === "object") return hasInside(schema.additionalProperties);
  return variants(schema).some(hasInside);
}
