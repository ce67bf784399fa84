// node finish.mjs FOLDER [FILE…]: what is done to the HTML of one language after MkDocs, to all its pages or to those named.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { formulas } from "./formulas.mjs";
import { sheets, styles } from "./styles.mjs";

const [folder, ...named] = process.argv.slice(2).map((path) => resolve(path));
const all = (ending) => readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(ending)).map((entry) => join(entry.parentPath, entry.name));

const problems = [];
const used = named.length ? null : new (await import("./prune.mjs")).Words(); // of some pages alone it is not known what the others use
for (const file of named.length ? named : all(".html")) {
  const html = readFileSync(file, "utf8");
  let result = formulas(html, (problem) => problems.push(`${relative(folder, file)}: ${problem}`));
  result = styles(result, file, folder);
  // Material's own switches carry an attribute that the standard does not give them
  result = result.replace(/(<input class="md-toggle"[^>]*?) autocomplete="off"/g, "$1");
  if (result !== html) writeFileSync(file, result);
  used?.page(result);
}

if (problems.length) {
  console.error(problems.join("\n"));
  process.exit(1);
}

if (used) {
  for (const script of all(".js")) used.script(readFileSync(script, "utf8"));
  for (const sheet of sheets(folder)) writeFileSync(sheet, used.prune(readFileSync(sheet, "utf8")));
}
