// Typeset every formula of the HTML files below a folder; the first formula that KaTeX refuses fails the run.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import katex from "katex";

const FORMULA = /<(span|div) class="arithmatex">\s*\\([([])([\s\S]*?)\\[)\]]\s*<\/\1>/g;
const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", "#x27": "'" };

const folder = process.argv[2];
const done = new Map();
const errors = [];
let formulas = 0;

function typeset(tex, displayMode) {
  const key = `${displayMode}${tex}`;
  if (!done.has(key)) {
    done.set(key, katex.renderToString(tex, { displayMode, throwOnError: true, strict: "ignore", output: "htmlAndMathml" }));
  }
  return done.get(key);
}

for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !entry.name.endsWith(".html")) continue;
  const file = join(entry.parentPath, entry.name);
  const html = readFileSync(file, "utf8");
  const result = html.replace(FORMULA, (_, element, open, source) => {
    const tex = source.replace(/&(amp|lt|gt|quot|#39|#x27);/g, (_, name) => ENTITIES[name]);
    formulas += 1;
    try {
      return `<${element} class="math" data-pagefind-ignore>${typeset(tex, open === "[")}</${element}>`;
    } catch (error) {
      errors.push(`${relative(folder, file)}: ${error.message}: ${tex.trim()}`);
      return "";
    }
  });
  if (result.includes('class="arithmatex"')) errors.push(`${relative(folder, file)}: a formula was not recognized`);
  if (result !== html) writeFileSync(file, result);
}

if (errors.length) {
  console.error(errors.join("\n"));
  process.exit(1);
}
console.log(`${formulas} formulas, ${done.size} distinct`);
