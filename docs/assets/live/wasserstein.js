// Noise on the left, what a trained generator makes of it on the right.
import { button, choice, controls, digits, fill, normals, once, panels, report, slider } from "./kit.js";
import { Plot } from "./plot.js";
import { load } from "./runtime.js";

const POINTS = 1500;
const SECTORS = 6;

export async function demonstrate({ words, facts: { stages, modes, radius, deviation, covered } }) {
  const models = new Map();
  const centers = Array.from({ length: modes }, (_, k) => [radius * Math.cos((2 * Math.PI * k) / modes), radius * Math.sin((2 * Math.PI * k) / modes)]);
  let noise = normals(2 * POINTS);
  const again = () => draw();
  const names = [...stages.map((step) => [`wgan-gp-${step}`, fill(words.stage, { step })]), ["gan", fill(words.gan, { step: stages.at(-1) })]];
  const which = choice(words.model, names, again);
  which.value = names[stages.length - 1][0];
  const sliders = ["z₁", "z₂"].map((name, k) => slider(name, { min: -3, max: 3, step: 0.05, value: k, show: digits(2) }, again));
  const from = new Plot({ x: [-3.5, 3.5], y: [-3.5, 3.5], width: 300, height: 290, label: words.noise });
  const to = new Plot({ x: [-3, 3], y: [-3, 3], width: 300, height: 290, label: words.generated });
  to.circles("modes", "live-mode", centers, 3 * deviation);
  const [one, all] = [report(), report()];

  const draw = once(async () => {
    const name = which.value;
    if (!models.has(name)) models.set(name, await load(name));
    const [a, b] = sliders.map(({ value }) => value);
    const data = new Float32Array([a, b, ...noise]);
    const { point } = await models.get(name)({ noise: { data, dims: [POINTS + 1, 2] } });
    const pairs = (values) => Array.from({ length: POINTS }, (_, k) => {
      const sector = Math.floor((Math.atan2(data[2 * k + 3], data[2 * k + 2]) / (2 * Math.PI) + 0.5) * SECTORS) % SECTORS;
      return [values[2 * k + 2], values[2 * k + 3], `f-${sector}`];
    });
    from.dots("points", "f-dot live-faint", pairs(data), 1.7);
    from.dots("one", "live-one", [[a, b]], 6);
    to.dots("points", "f-dot live-faint", pairs(point.data), 1.7);
    to.dots("one", "live-one", [[point.data[0], point.data[1]]], 6);
    const hits = new Array(modes).fill(0);
    for (let k = 1; k <= POINTS; k += 1) {
      const near = centers.findIndex(([x, y]) => Math.hypot(point.data[2 * k] - x, point.data[2 * k + 1] - y) < 3 * deviation);
      if (near >= 0) hits[near] += 1;
    }
    one.say(fill(words.one, { z: `${digits(2)(a)}, ${digits(2)(b)}`, x: `${digits(2)(point.data[0])}, ${digits(2)(point.data[1])}` }));
    all.say(fill(words.all, {
      modes: hits.filter((count) => count / POINTS >= covered).length, of: modes, share: Math.round((100 * hits.reduce((sum, count) => sum + count)) / POINTS),
    }));
  });
  await draw();
  return [
    controls(which, ...sliders, button(words.again, () => { noise = normals(2 * POINTS); draw(); })),
    panels([words.noise, from.element, one.element], [words.generated, to.element, all.element]),
  ];
}
