// One activation function: its curve, its tangent, and what it does to normally distributed inputs.
import { choice, controls, digits, fill, histogram, mean, normals, once, panels, report, slider, title, variance } from "./kit.js";
import { Plot } from "./plot.js";
import { load } from "./runtime.js";

const GRID = Float32Array.from({ length: 401 }, (_, k) => -5 + k / 40);
const DRAWN = normals(2000);
const FLAT = 0.01; // a slope below this passes hardly any gradient

export async function demonstrate({ words, facts }) {
  const run = await load("activations");
  const curve = new Plot({ x: [-5, 5], y: [-2, 5], label: words.curve });
  const inputs = new Plot({ x: [-5, 5], y: [0, 300], height: 130, label: words.inputs });
  const outputs = new Plot({ x: [-2, 5], y: [0, 300], height: 130, label: words.outputs });
  const [point, spread] = [report(), report()];
  const which = choice(words.function, facts.titles.map((name, k) => [k, name]), () => draw());
  which.value = facts.names.indexOf("leaky_relu");
  let known; // the parameter of the function, where it has one
  const parameter = slider(words.parameter, { min: 0, max: 1, step: 1, value: 0, show: (k) => (known ? `${known.sign} = ${Number(known.values[k].toPrecision(3))}` : "") }, () => draw());
  const chosen = () => {
    known = facts.parameters[facts.names[which.value]];
    parameter.element.hidden = !known;
    if (!known) return;
    parameter.input.max = known.values.length - 1;
    parameter.value = known.default;
  };
  which.input.addEventListener("change", chosen, { capture: true });
  chosen();
  const x = slider(words.x, { min: -5, max: 5, step: 0.05, value: 1, show: digits(2) }, () => draw());
  const center = slider(words.mean, { min: -4, max: 4, step: 0.1, value: 0, show: digits(1) }, () => draw());
  const scale = slider(words.deviation, { min: 0.1, max: 4, step: 0.1, value: 1, show: digits(1) }, () => draw());

  const draw = once(async () => {
    const fed = DRAWN.map((value) => center.value + scale.value * value);
    const all = new Float32Array([...GRID, x.value, ...fed]);
    const { value, slope } = await run({ x: { data: all, dims: [all.length] } });
    const row = (known ? known.first + parameter.value : Number(which.value)) * all.length;
    const [f, df] = [value, slope].map(({ data }) => data.subarray(row, row + all.length));
    const [fx, dfx] = [f[GRID.length], df[GRID.length]];
    const extent = [...f.subarray(0, GRID.length), ...df.subarray(0, GRID.length)];
    const range = [Math.max(-5.5, Math.min(-0.5, ...extent) - 0.2), Math.min(5.5, Math.max(1, ...extent) + 0.2)];
    curve.range([-5, 5], range);
    curve.line("slope", "f-1", GRID, df);
    curve.line("value", "f-0", GRID, f);
    curve.line("tangent", "f-4 live-thin", GRID, GRID.map((g) => fx + dfx * (g - x.value)));
    curve.dots("point", "f-dot f-4", [[x.value, fx]], 5);
    point.say(fill(words.point, { x: digits(2)(x.value), y: digits(4)(fx), slope: digits(4)(dfx) }));

    const results = f.subarray(GRID.length + 1);
    const steep = df.subarray(GRID.length + 1);
    inputs.bars("bars", "f-5", histogram(fed, -5, 5, 50));
    outputs.range(range, [0, 300]);
    outputs.bars("bars", "f-0", histogram(results, ...range, 50));
    const flat = steep.filter((s) => Math.abs(s) < FLAT).length / steep.length;
    spread.say(fill(words.spread, {
      mean: digits(2)(mean([...results])), deviation: digits(2)(Math.sqrt(variance([...results]))), flat: Math.round(100 * flat),
    }));
  });
  await draw();
  return [
    controls(which, parameter, x, center, scale),
    panels([words.curve, curve.element, point.element], [words.inputs, inputs.element, title(words.outputs), outputs.element, spread.element]),
  ];
}
