// Dropout of 64 units under one linear unit: one mask, and the sums under a thousand of them.
import { button, choice, controls, digits, fill, histogram, mean, normals, once, panels, report, slider, variance } from "./kit.js";
import { Heat } from "./heat.js";
import { Plot } from "./plot.js";
import { load } from "./runtime.js";

const MASKS = 1000;

export async function demonstrate({ words, facts: { probabilities, units } }) {
  const run = await load("dropout");
  const x = normals(units);
  const weight = normals(units).map((value) => value / Math.sqrt(units));
  let uniform;
  const again = () => draw();
  const fresh = () => { uniform = Float32Array.from({ length: MASKS * units }, Math.random); };
  const p = slider(words.p, { min: 0, max: probabilities.length - 1, step: 1, value: 10, show: (k) => probabilities[k].toFixed(2) }, again);
  const form = choice(words.form, [["inverted", words.inverted], ["original", words.original]], again);
  const mask = new Heat({ label: words.mask, cell: 24, gap: 2, low: -3, high: 3 });
  const sums = new Plot({ x: [-5, 5], y: [0, 120], label: words.sums });
  const [kept, measured] = [report(), report()];

  const draw = once(async () => {
    const found = await run({ x: { data: x, dims: [units] }, weight: { data: weight, dims: [units] }, uniform: { data: uniform, dims: [MASKS, units] } });
    const [k, inverted] = [p.value, form.value === "inverted"];
    const values = found[form.value].data.subarray(k * MASKS, (k + 1) * MASKS);
    const chance = probabilities[k];
    const shown = found.units.data.subarray(k * units, (k + 1) * units).map((value) => (inverted ? value : value * (1 - chance)));
    mask.show(shown, 8, units / 8);
    kept.say(fill(words.kept, { kept: shown.filter((value) => value !== 0).length, units }));
    const evaluated = found.evaluation.data[2 * k + (inverted ? 0 : 1)];
    const predicted = found.variance.data[k] * (inverted ? 1 : (1 - chance) ** 2);
    const counts = histogram(values, -5, 5, 60);
    sums.range([-5, 5], [0, Math.max(120, Math.min(500, ...[Math.max(...counts)]) * 1.1)]);
    sums.bars("bars", "f-0", counts);
    sums.mark("evaluation", "f-1", evaluated);
    measured.say(fill(words.measured, {
      mean: digits(3)(mean([...values])), evaluated: digits(3)(evaluated), variance: digits(3)(variance([...values])), predicted: digits(3)(predicted),
    }));
  });
  fresh();
  await draw();
  return [
    controls(p, form, button(words.again, () => { fresh(); draw(); })),
    panels([words.mask, mask.element, kept.element], [words.sums, sums.element, measured.element]),
  ];
}
