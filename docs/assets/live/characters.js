// A text read character by character: one column a character, one row a unit of the LSTM.
import { button, choice, controls, field, fill, make, once, panels, report, slider } from "./kit.js";
import { Heat } from "./heat.js";
import { Plot } from "./plot.js";
import { load } from "./runtime.js";

const [NARROW, WIDE, TALL] = [10, 20, 6]; // pixels of a cell; short texts get wide ones
const LONGEST = 120;
const ADDED = 30;
const KINDS = { new_c: [-3, 3], new_h: [-1, 1], input: [0, 1], forget: [0, 1], candidate: [-1, 1], output: [0, 1] };
const visible = (character) => (character === " " ? "␣" : character);

export async function demonstrate({ words, facts: { alphabet, hidden }, values }) {
  const run = await load("characters");
  const heat = new Heat({ label: words.heat, tall: TALL, gap: 1 });
  const letters = make("p", { class: "live-letters", "aria-hidden": "true" });
  const trace = new Plot({ x: [0, 10], y: [-2, 2], width: innerWidth < 700 ? 360 : 640, height: 150, label: words.trace });
  const bars = make("table", { class: "live-guesses" });
  const guess = report();
  let steps = []; // what the module returned for each character
  let read = ""; // the characters that `steps` belong to

  let reading = Promise.resolve();
  const follow = (text) => { reading = reading.then(() => readOn(text)); return reading; };

  /** Read one character after another; what an earlier text shares with this one is kept. */
  async function readOn(text) {
    let same = 0;
    while (same < Math.min(read.length, text.length) && read[same] === text[same]) same += 1;
    steps = steps.slice(0, same);
    for (const character of text.slice(same)) {
      const x = new Float32Array(alphabet.length);
      x[Math.max(0, alphabet.indexOf(character))] = 1;
      const last = steps.at(-1);
      const state = (name) => ({ data: last ? last[name].data : new Float32Array(hidden), dims: [1, hidden] });
      steps.push(await run({ x: { data: x, dims: [1, 1, alphabet.length] }, h: state("new_h"), c: state("new_c") }));
    }
    read = text;
  }

  const plain = (text) => text.toLowerCase().replace(/\s+/g, " ").slice(0, LONGEST);
  const again = () => draw();
  const toEnd = () => { at.input.max = LONGEST; at.value = LONGEST; };
  const text = field(words.text, { value: "The cell state (a memory) remembers", length: LONGEST }, () => { toEnd(); draw(); });
  const kind = choice(words.kind, Object.keys(KINDS).map((name) => [name, words[name]]), again);
  const unit = slider(words.unit, { min: 0, max: hidden - 1, step: 1, value: values.word_unit }, again);
  const at = slider(words.at, { min: 1, max: LONGEST, step: 1, value: LONGEST, show: (k) => visible(plain(text.value)[k - 1] ?? "") }, again);

  const draw = once(async () => {
    const wanted = plain(text.value) || " ";
    await follow(wanted);
    const long = wanted.length;
    at.input.max = long;
    at.value = Math.min(at.value, long);
    const [low, high] = KINDS[kind.value];
    const cell = Math.max(NARROW, Math.min(WIDE, Math.floor(640 / long)));
    Object.assign(heat, { low, high, cell });
    letters.style.setProperty("--cell", `${cell}px`);
    const grid = new Float32Array(hidden * long);
    steps.forEach((step, column) => step[kind.value].data.forEach((value, row) => { grid[row * long + column] = value; }));
    heat.show(grid, hidden, long, unit.value);
    letters.replaceChildren(...[...wanted].map((character, k) => make("span", { class: k === at.value - 1 ? "live-here" : "" }, visible(character))));
    const followed = Float32Array.from(steps, (step) => step[kind.value].data[unit.value]);
    trace.range([0, Math.max(10, long)], [Math.min(low, ...followed), Math.max(high, ...followed)]);
    trace.line("trace", "f-0", Float32Array.from(followed, (_, k) => k + 0.5), followed);
    trace.mark("here", "f-1 live-thin", at.value - 0.5);
    const next = [...steps[at.value - 1].next.data].map((chance, k) => [chance, alphabet[k]]).sort(([a], [b]) => b - a).slice(0, 6);
    bars.replaceChildren(make("caption", {}, words.next), ...next.map(([chance, character]) => make("tr", {},
      make("th", { scope: "row" }, visible(character)), make("td", { style: `--share: ${(100 * chance).toFixed(1)}%` }, `${Math.round(100 * chance)} %`))));
    guess.say(fill(words.guess, { character: visible(wanted[at.value - 1]), next: visible(next[0][1]), chance: Math.round(100 * next[0][0]) }));
  });

  /** Add characters drawn from what the model expects. */
  async function goOn() {
    let grown = plain(text.value).slice(-(LONGEST - ADDED)) || " ";
    for (let k = 0; k < ADDED; k += 1) {
      await follow(grown);
      let left = Math.random();
      const place = steps.at(-1).next.data.findIndex((chance) => (left -= chance) < 0);
      grown += alphabet[place < 0 ? 0 : place];
    }
    text.value = grown;
    toEnd();
    await draw();
  }
  const jump = (name) => button(fill(words[name], { unit: values[`${name}_unit`], correlation: values[`${name}_correlation`].toFixed(2).replace("-", "−") }), () => {
    unit.value = values[`${name}_unit`];
    kind.value = "new_c";
    draw();
  });
  await draw();
  return [
    controls(text, button(words.more, goOn)),
    controls(kind, unit, at),
    controls(jump("word"), jump("inside")),
    make("div", { class: "live-scroll", tabindex: "0", role: "group", "aria-label": words.heat }, letters, heat.element),
    panels([words.trace, trace.element], [words.next, bars, guess.element]),
  ];
}
