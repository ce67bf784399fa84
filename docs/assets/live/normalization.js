// Batch normalization of a cloud of points: the batch, what training makes of it, and what evaluation makes of it.
import { button, controls, digits, fill, normals, once, panels, report, slider } from "./kit.js";
import { Plot } from "./plot.js";
import { load } from "./runtime.js";

const MOST = 256;
const start = () => ({ mean: [0, 0], var: [1, 1], batches: 0 });

export async function demonstrate({ words }) {
  const run = await load("batch-norm");
  const before = new Plot({ x: [-8, 8], y: [-8, 8], width: 300, height: 290, label: words.before });
  const after = new Plot({ x: [-4, 4], y: [-4, 4], width: 300, height: 290, label: words.after });
  const [batch, running] = [report(), report()];
  let state = start();
  let seen; // the state after the batch that is shown
  let drawn = normals(2 * MOST);
  const again = () => draw();
  const center = slider(words.mean, { min: -5, max: 5, step: 0.1, value: 3, show: digits(1) }, again);
  const scale = slider(words.deviation, { min: 0.1, max: 3, step: 0.1, value: 1.5, show: digits(1) }, again);
  const tilt = slider(words.correlation, { min: -0.95, max: 0.95, step: 0.05, value: 0.8, show: digits(2) }, again);
  const size = slider(words.size, { min: 2, max: MOST, step: 1, value: 64 }, again);
  const gamma = slider("γ", { min: 0, max: 2, step: 0.05, value: 1, show: digits(2) }, again);
  const beta = slider("β", { min: -2, max: 2, step: 0.05, value: 0, show: digits(2) }, again);

  const draw = once(async () => {
    const count = size.value;
    const data = new Float32Array(2 * count);
    for (let k = 0; k < count; k += 1) {
      const [a, b] = [drawn[2 * k], tilt.value * drawn[2 * k] + Math.sqrt(1 - tilt.value ** 2) * drawn[2 * k + 1]];
      data.set([center.value + scale.value * a, -1 + 0.6 * scale.value * b], 2 * k);
    }
    const two = (values) => ({ data: values, dims: [2] });
    const found = await run({
      x: { data, dims: [count, 2] }, weight: two([gamma.value, gamma.value]), bias: two([beta.value, beta.value]), mean: two(state.mean), var: two(state.var),
    });
    seen = { mean: [...found.new_mean.data], var: [...found.new_var.data], batches: state.batches + 1 };
    const points = (values) => Array.from({ length: count }, (_, k) => [values[2 * k], values[2 * k + 1]]);
    before.dots("points", "f-dot f-5", points(data));
    after.dots("evaluation", "live-ring f-1", points(found.evaluation.data), 3);
    after.dots("training", "f-dot f-0", points(found.training.data));
    batch.say(fill(words.batch, { count }));
    running.say(fill(words.running, {
      batches: seen.batches, mean: seen.mean.map(digits(2)).join(", "), variance: seen.var.map(digits(2)).join(", "),
    }));
  });
  const next = (batches) => async () => {
    for (let k = 0; k < batches; k += 1) {
      state = seen;
      drawn = normals(2 * MOST);
      await draw();
    }
  };
  const reset = () => { state = start(); draw(); };
  await draw();
  return [
    controls(center, scale, tilt, size, gamma, beta),
    controls(button(words.next, next(1)), button(words.twenty, next(20)), button(words.reset, reset)),
    panels([words.before, before.element, batch.element], [words.after, after.element, running.element]),
  ];
}
