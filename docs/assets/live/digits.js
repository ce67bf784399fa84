// A drawn digit, what LeNet-5 sees of it, its maps, and the code that it answers.
import { button, controls, fill, make, once, panels, report } from "./kit.js";
import { Heat } from "./heat.js";
import { Pad } from "./pad.js";
import { load } from "./runtime.js";

const LAYERS = { c1: [6, 28, 3], s2: [6, 14, 3], c3: [16, 10, 4], s4: [16, 5, 6] }; // maps, side, pixels a cell
const SQUASHED = 1.7159;
const CODE = [12, 7];

export async function demonstrate({ words, facts: { codes, examples } }) {
  const run = await load("digits");
  const seen = new Heat({ label: words.seen, cell: 24, low: 0, high: 1, to: "--ink", gap: 1 });
  const layers = Object.fromEntries(Object.entries(LAYERS).map(([name, [maps, , cell]]) => [name, Array.from({ length: maps }, (_, k) =>
    new Heat({ label: fill(words.map, { layer: name.toUpperCase(), k: k + 1 }), cell, low: -SQUASHED, high: SQUASHED }))]));
  const answered = new Heat({ label: words.f6, cell: 12, low: -SQUASHED, high: SQUASHED, gap: 1 });
  const code = new Heat({ label: words.code, cell: 12, gap: 1 });
  const bars = make("table", { class: "live-guesses" });
  const answer = report();
  let ink = Float32Array.from(examples[3], (count) => count / 16);

  const draw = once(async () => {
    const found = await run({ ink: { data: ink, dims: [1, 1, 8, 8] } });
    seen.show(ink, 8, 8);
    for (const [name, [maps, side]] of Object.entries(LAYERS)) {
      for (let k = 0; k < maps; k += 1) layers[name][k].show(found[name].data.subarray(k * side ** 2, (k + 1) * side ** 2), side, side);
    }
    const penalties = [...found.penalties.data];
    const order = penalties.map((_, digit) => digit).sort((a, b) => penalties[a] - penalties[b]);
    answered.show(found.f6.data, ...CODE);
    code.show(codes[order[0]], ...CODE);
    const most = Math.max(...penalties);
    bars.replaceChildren(make("caption", {}, words.penalties), ...penalties.map((penalty, digit) => make("tr", { class: digit === order[0] ? "live-best" : "" },
      make("th", { scope: "row" }, String(digit)), make("td", { style: `--share: ${((100 * penalty) / most).toFixed(1)}%` }, penalty.toFixed(1)))));
    const blank = ink.every((value) => value === 0);
    answer.say(blank ? words.blank : fill(words.answer, {
      digit: order[0], penalty: penalties[order[0]].toFixed(1), second: order[1], other: penalties[order[1]].toFixed(1),
    }));
  });
  const pad = new Pad({ label: words.pad, hint: words.hint }, () => { ink = pad.ink(); draw(); });
  const show = (digit) => () => { pad.clear(); ink = Float32Array.from(examples[digit], (count) => count / 16); draw(); };
  await draw();
  const group = make("div", { role: "group", "aria-label": words.examples, class: "live-digits" }, make("span", {}, words.examples), ...examples.map((_, digit) => button(String(digit), show(digit))));
  return [
    controls(button(words.clear, () => pad.clear()), group),
    panels([words.draw, pad.element, make("p", { class: "live-hint" }, words.hint)], [words.seen, seen.element], [words.penalties, bars, answer.element]),
    panels(...Object.entries(layers).map(([name, maps]) => [words[name], make("div", { class: "live-maps" }, ...maps.map(({ element }) => element))])),
    panels([words.f6, answered.element], [words.code, code.element]),
  ];
}
