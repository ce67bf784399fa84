// A word, its letters in alphabetical order as the model finds them, and where each place of the answer looks.
import { choice, controls, field, fill, make, once, panels, report } from "./kit.js";
import { load } from "./runtime.js";

const A = "a".codePointAt(0);
const LETTERS = 26;

/** A table of weights in percent; the darker a cell, the larger the weight. */
function table(caption, columns, rows, weights) {
  const cell = (weight) => make("td", { style: `--share: ${(100 * weight).toFixed(1)}%` }, String(Math.round(100 * weight)));
  return make("table", { class: "live-weights" },
    make("caption", {}, caption),
    make("thead", {}, make("tr", {}, make("td", {}), ...columns.map((name) => make("th", { scope: "col" }, name)))),
    make("tbody", {}, ...rows.map((name, k) =>
      make("tr", {}, make("th", { scope: "row" }, name), ...columns.map((_, c) => cell(weights[k * columns.length + c]))))));
}

export async function demonstrate({ words, facts: { longest, heads } }) {
  const run = await load("sorting");
  const [ranks, choices] = [words.ranks, words.choices].map((label) =>
    make("div", { class: "live-scroll", tabindex: "0", role: "group", "aria-label": label }));
  const answer = report();
  const again = () => draw();
  const word = field(words.word, { value: "attention", length: 24, pattern: "[a-zA-Z]*" }, again);
  const head = choice(words.head, Array.from({ length: heads }, (_, k) => [k, String(k + 1)]), again);

  const draw = once(async () => {
    const letters = [...word.value.toLowerCase()].filter((letter) => letter >= "a" && letter <= "z").slice(0, longest);
    const long = letters.length;
    if (!long) {
      ranks.replaceChildren();
      choices.replaceChildren();
      answer.say(words.empty);
      return;
    }
    const found = await run({ letters: { data: letters.map((letter) => letter.codePointAt(0) - A), dims: [1, long], type: "int64" } });
    const sorted = Array.from({ length: long }, (_, place) => {
      const scores = found.scores.data.subarray(place * LETTERS, (place + 1) * LETTERS);
      return String.fromCodePoint(A + scores.indexOf(Math.max(...scores)));
    });
    const seen = [words.start, ...letters];
    const size = seen.length ** 2;
    ranks.replaceChildren(table(words["ranks-caption"], seen, seen, found.ranks.data.subarray(head.value * size, (Number(head.value) + 1) * size)));
    choices.replaceChildren(table(words["choices-caption"], seen, sorted.map((letter, k) => `${k + 1} ${letter}`), found.choices.data));
    const right = sorted.join("") === [...letters].sort().join("");
    answer.say(fill(right ? words.right : words.wrong, { word: letters.join(""), sorted: sorted.join("") }));
  });
  await draw();
  return [controls(word, head), answer.element, panels([words.ranks, ranks], [words.choices, choices])];
}
