// The pages of a built site, and the few among them that show every kind of element.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

/** Every HTML file as {path, address, html, kind, lang}; `address` is what follows the site's own address. */
export function pagesOf(site) {
  const found = [];
  for (const entry of readdirSync(site, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".html")) continue;
    const path = join(entry.parentPath, entry.name);
    const name = relative(site, path).split(sep).join("/");
    const html = readFileSync(path, "utf8");
    const kind = html.match(/class="md-content kind-([\w-]+)/)?.[1] ?? "plain";
    found.push({ path, name, address: name.replace(/(^|\/)index\.html$/, "$1"), html, kind, lang: name.split("/")[0] });
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const FOREIGN = /^(md-|highlight$|katex|mord|mbin|mrel|vlist|strut|pstrut|mspace|mopen|mclose|mfrac|mtable|col-|reset-|size\d|delim|n[a-z]?$|k[a-z]?$|s[a-z]?$|c\d|o[a-z]?$|p$|m[a-z]?$|kind-)/;

/** What a page shows, as far as our own style sheets tell things apart: its kind, its elements and its classes. */
function features(page) {
  const found = new Set([`kind ${page.kind}`]);
  for (const [, element, attributes] of page.html.matchAll(/<([a-z][a-z0-9-]*)((?:\s[^<>]*)?)>/g)) {
    found.add(`<${element}>`);
    const classes = attributes.match(/\bclass="([^"]*)"/)?.[1] ?? "";
    for (const name of classes.split(/\s+/)) if (name && !FOREIGN.test(name)) found.add(name);
  }
  return found;
}

/** The fewest pages of one language (chosen greedily) on which every feature of all its pages occurs. */
export function representative(pages) {
  const rest = pages.map((page) => ({ page, has: features(page) }));
  const missing = new Set(rest.flatMap(({ has }) => [...has]));
  const chosen = [];
  while (missing.size) {
    const gain = ({ has }) => [...has].filter((feature) => missing.has(feature)).length;
    const best = rest.reduce((a, b) => (gain(b) > gain(a) ? b : a));
    chosen.push(best.page);
    for (const feature of best.has) missing.delete(feature);
  }
  return chosen;
}
