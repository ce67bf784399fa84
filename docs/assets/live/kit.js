// Parts of which the demonstrations are made: elements, labelled controls, and work that is done once for many calls.

let made = 0;

/** An element with attributes and children; a function as value listens to the event of that name. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** A row of controls. */
export const controls = (...children) => make("div", { class: "live-controls" }, ...children.map((child) => child.element ?? child));

/** The title of a panel. */
export const title = (text) => make("p", { class: "live-title" }, text);

/** Panels side by side, each a title and what stands below it. */
export const panels = (...entries) => make("div", { class: "live-panels" }, ...entries.map(([heading, ...content]) =>
  make("section", { class: "live-panel" }, title(heading), ...content)));

/** A line of text that screen readers announce when it has settled. */
export function report() {
  const element = make("p", { class: "live-report" });
  const spoken = make("p", { class: "live-spoken", role: "status" });
  let later;
  return {
    element: make("div", {}, element, spoken),
    say(text) {
      element.textContent = text;
      clearTimeout(later);
      later = setTimeout(() => { spoken.textContent = text; }, 700);
    },
  };
}

function labelled(label, input, ...more) {
  input.id = `live-${made += 1}`;
  return make("div", { class: "live-control" }, make("label", { for: input.id }, label), input, ...more);
}

/** A slider; `show` turns its number into text. */
export function slider(label, { min, max, step, value, show = (v) => String(v) }, changed) {
  const input = make("input", { type: "range", min, max, step, value });
  const output = make("output", {}, show(Number(value)));
  const update = () => {
    output.textContent = show(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.addEventListener("input", () => { update(); changed(Number(input.value)); });
  update();
  const element = labelled(label, input, output);
  return {
    element, input,
    get value() { return Number(input.value); },
    set value(now) { input.value = now; update(); },
  };
}

/** A list to choose one of [value, text] from. */
export function choice(label, options, changed) {
  const input = make("select", {}, ...options.map(([value, text]) => make("option", { value }, text)));
  input.addEventListener("change", () => changed(input.value));
  return { element: labelled(label, input), input, get value() { return input.value; }, set value(now) { input.value = now; } };
}

/** A field for text. */
export function field(label, { value, length, pattern }, changed) {
  const input = make("input", { type: "text", value, maxlength: length, pattern, spellcheck: "false", autocomplete: "off", autocapitalize: "none" });
  input.addEventListener("input", () => changed(input.value));
  return { element: labelled(label, input), input, get value() { return input.value; }, set value(now) { input.value = now; } };
}

export const button = (text, pressed) => make("button", { type: "button", click: pressed }, text);

/** `work`, which may be asynchronous, so that calls during a run lead to one more run after it. */
export function once(work) {
  let running = false, wanted = false;
  return async () => {
    wanted = true;
    if (running) return;
    running = true;
    try {
      while (wanted) { wanted = false; await work(); }
    } finally { running = false; }
  };
}

/** Numbers of a standard normal distribution. */
export function normals(count) {
  return Float32Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()));
}

export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
export function variance(values) {
  const middle = mean(values);
  return mean(values.map((value) => (value - middle) ** 2));
}

/** `text` with {name} replaced by the values. */
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

/** Texts of sliders: a minus sign, fixed digits. */
export const digits = (count) => (value) => value.toFixed(count).replace("-", "−");

/** How often values fall into `bins` equal parts of [low, high]; those outside count at the ends. */
export function histogram(values, low, high, bins) {
  const counts = new Array(bins).fill(0);
  for (const value of values) counts[Math.min(bins - 1, Math.max(0, Math.floor(((value - low) / (high - low)) * bins)))] += 1;
  return counts;
}
