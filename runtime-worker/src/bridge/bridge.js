// What the bridge does on JavaScript's side. Each call is a crossing, so each carries all there is to carry.

// Method, address and headers of a request, a line each. Header values hold no line breaks.
export function readHead(request) {
  let head = request.method + "\n" + request.url;
  request.headers.forEach((value, name) => {
    head += "\n" + name + "\n" + value;
  });
  return head;
}

// The runtime takes a list of pairs far slower than an object; but a header that comes twice, such as set-cookie, an object can't hold.
function init(status, lines) {
  const parts = lines.split("\n");
  let headers = { __proto__: null };
  for (let i = 1; i < parts.length; i += 2) {
    if (parts[i - 1] in headers) {
      headers = new Headers();
      for (let k = 1; k < parts.length; k += 2) headers.append(parts[k - 1], parts[k]);
      break;
    }
    headers[parts[i - 1]] = parts[i];
  }
  // Without "manual" the runtime would encode once more what a layer has already encoded.
  return lines.includes("content-encoding\n") ? { status, headers, encodeBody: "manual" } : { status, headers };
}

// The bytes are a view of the module's memory, which moves and is written again: the response gets a copy.
export function wholeResponse(status, lines, bytes) {
  return new Response(bytes === undefined ? null : bytes.slice(), init(status, lines));
}

export function streamedResponse(status, lines, stream) {
  return new Response(stream, init(status, lines));
}
