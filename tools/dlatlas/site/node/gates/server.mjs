// A static file server on the loopback address that compresses as hosts do. The site lies below a folder, since not every host gives it the root.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize, sep } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const TYPES = {
  ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
  ".json": "application/json", ".xml": "application/xml", ".txt": "text/plain; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png",
  ".woff2": "font/woff2", ".wasm": "application/wasm", ".onnx": "application/octet-stream",
};
const COMPRESSED = /text|javascript|json|xml|svg|wasm/;
const brotli = promisify(brotliCompress);
const zip = promisify(gzip);

/** Serve `folder` below /atlas/; the answer has the address and `close`. */
export async function serve(folder) {
  const made = new Map(); // compressed bodies by path and encoding
  const server = createServer(async (request, answer) => {
    const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    const inside = path.startsWith("/atlas/") ? normalize(path.slice(7)) : null;
    let file = inside === null || inside.startsWith("..") ? null : join(folder, inside);
    if (file?.endsWith(sep) || inside === ".") file = join(file, "index.html");
    let status = 200;
    let body = file && (await readFile(file).catch(() => null));
    if (!body) [status, file, body] = [404, "404.html", await readFile(join(folder, "404.html")).catch(() => Buffer.from("missing"))];
    const type = TYPES[extname(file)] ?? "application/octet-stream";
    const headers = { "content-type": type, "cache-control": "max-age=600", vary: "accept-encoding" };
    const accepted = request.headers["accept-encoding"] ?? "";
    const encoding = !COMPRESSED.test(type) ? null : /\bbr\b/.test(accepted) ? "br" : /\bgzip\b/.test(accepted) ? "gzip" : null;
    if (encoding) {
      const key = `${encoding} ${file}`;
      if (!made.has(key)) made.set(key, encoding === "br" ? brotli(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }) : zip(body));
      body = await made.get(key);
      headers["content-encoding"] = encoding;
    }
    answer.writeHead(status, { ...headers, "content-length": body.length });
    answer.end(request.method === "HEAD" ? undefined : body);
  });
  await new Promise((done, failed) => server.once("error", failed).listen(0, "127.0.0.1", done));
  const { port } = server.address();
  return { url: `http://127.0.0.1:${port}/atlas/`, close: () => { server.closeAllConnections(); server.close(); } };
}
