// What the bridge does on JavaScript's side. Each call is a crossing, so each carries all there is to carry.

// Method, address and headers of a request, a line each. Header values hold no line breaks.
export function readHead(request) {
  let head = request.method + "\n" + request.url;
  request.headers.forEach((value, name) => {
    head += "\n" + name + "\n" + value;
  });
  return head;
}

// The runtime takes a list of pairs far slower than an object, which holds no name twice: only repeated headers, such as set-cookie, go the
// long way.
function init(status, lines) {
  const headers = {};
  let manual = false;
  for (let at = 0; at < lines.length; ) {
    const name = lines.indexOf("\n", at);
    const value = lines.indexOf("\n", name + 1);
    const key = lines.slice(at, name);
    if (headers[key] !== undefined) {
      const encoded = /^content-encoding\n(?!br$)/m.test(lines);
      return { status, headers: repeated(lines), encodeBody: encoded ? "manual" : "automatic" };
    }
    headers[key] = lines.slice(name + 1, value);
    // br is only named: the runtime has the encoder.
    manual ||= key === "content-encoding" && headers[key] !== "br";
    at = value + 1;
  }
  // Without "manual" the runtime would encode once more what a layer has already encoded.
  return manual ? { status, headers, encodeBody: "manual" } : { status, headers };
}

function repeated(lines) {
  const headers = new Headers();
  const parts = lines.split("\n");
  for (let i = 1; i < parts.length; i += 2) headers.append(parts[i - 1], parts[i]);
  return headers;
}

// The bytes are a view of the module's memory, which moves and is written again: the response gets a copy.
export function wholeResponse(status, lines, bytes) {
  return new Response(bytes === undefined ? null : bytes.slice(), init(status, lines));
}

export function streamedResponse(status, lines, stream) {
  return new Response(stream, init(status, lines));
}
