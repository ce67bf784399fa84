// Formulas set by KaTeX at build time; one that KaTeX refuses is a problem.
import katex from "katex";

const FORMULA = /<(span|div) class="arithmatex">\s*\\([([])([\s\S]*?)\\[)\]]\s*<\/\1>([，。；：、！？）」』”’》,.;:!?)\]]*)/g;
const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", "#x27": "'" };
const SHORT = 40;
const KNOWN = 2000; // formulas that are kept, since most return on the next pages
const done = new Map();

// A text of its own: a slice keeps the whole page that it is of, a sum all its parts.
const copy = (text) => Buffer.from(text).toString();

function typeset(tex, displayMode) {
  const key = copy(`${displayMode}${tex}`);
  if (done.size > KNOWN) done.clear();
  if (!done.has(key)) done.set(key, copy(katex.renderToString(tex, { displayMode, throwOnError: true, strict: "ignore", output: "htmlAndMathml" })));
  return done.get(key);
}

/** The page with its formulas set; `report` is told of each that cannot be. */
export function formulas(html, report) {
  const result = html.replace(FORMULA, (_, element, open, source, after) => {
    const tex = source.replace(/&(amp|lt|gt|quot|#39|#x27);/g, (_, name) => ENTITIES[name]);
    try {
      const set = `<${element} class="math">${typeset(tex, open === "[")}</${element}>`;
      // browsers break a line after a formula even before a comma
      return after && element === "span" && tex.length <= SHORT ? `<span class="nobr">${set}${after}</span>` : set + after;
    } catch (error) {
      report(`${error.message}: ${tex.trim()}`);
      return "";
    }
  });
  if (result.includes('class="arithmatex"')) report("a formula was not recognized");
  return result;
}
