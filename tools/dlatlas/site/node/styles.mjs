// One style sheet for the site in the place of the theme's, the extensions' and ours: a page waits for one answer instead of many.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";

const LINK = /[ \t]*<link rel="stylesheet" href="([^":?]+)">\n?/g;
const made = new Map(); // name of the joined sheet by the list of its parts

/** The sheets that were joined, of a language's `folder`. */
export const sheets = (folder) => [...made.values()].map((name) => join(folder, name));

function joined(folder, parts) {
  const key = parts.join("\n");
  if (!made.has(key)) {
    const name = `assets/site${made.size || ""}.css`;
    const here = join(folder, "assets");
    const css = parts.map((part) => readFileSync(part, "utf8").replace(/\/\*# sourceMappingURL=.*?\*\//g, "")
      .replace(/url\((["']?)(?!data:|#)([^)"']+)\1\)/g, (_, quote, url) => `url(${quote}${relative(here, resolve(dirname(part), url)).split(sep).join("/")}${quote})`));
    writeFileSync(join(folder, name), css.join("\n"));
    made.set(key, name);
  }
  return made.get(key);
}

/** The page of `file` with its style sheets as one; `folder` is the root of the language. */
export function styles(html, file, folder) {
  const parts = [...html.matchAll(LINK)].map(([, url]) => resolve(dirname(file), url));
  if (parts.length < 2) return html;
  const url = relative(dirname(file), join(folder, joined(folder, parts))).split(sep).join("/");
  let first = true;
  return html.replace(LINK, () => {
    const link = first ? `<link rel="stylesheet" href="${url}">\n` : "";
    first = false;
    return link;
  });
}
