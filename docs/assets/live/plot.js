// Plots as SVG, in the classes that the figures of the site use, so that they follow the color scheme.

const NAMESPACE = "http://www.w3.org/2000/svg";
const MARGIN = { left: 38, right: 8, top: 8, bottom: 26 };

function svg(tag, attributes, ...children) {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function ticks([low, high]) {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, k) => Number(((first + k) * step).toPrecision(6)));
}

/** Axes with layers that can be replaced one by one. */
export class Plot {
  constructor({ x, y, width = 360, height = 270, label }) {
    Object.assign(this, { width, height });
    this.axes = svg("g", {});
    this.layers = new Map();
    this.drawing = svg("g", {});
    this.element = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, class: width > 400 ? "live-plot live-wide" : "live-plot" }, this.axes, this.drawing);
    this.range(x, y);
  }

  /** What the axes span; layers must be set again. */
  range(x, y) {
    const key = `${x} ${y}`;
    if (this.key === key) return;
    Object.assign(this, { key, x, y });
    const { left, right, top, bottom } = MARGIN;
    const [x0, x1, y0, y1] = [left, this.width - right, top, this.height - bottom];
    this.axes.replaceChildren(
      ...ticks(x).flatMap((value) => [
        svg("path", { class: "f-grid", d: `M${this.across(value)} ${y0}V${y1}` }),
        svg("text", { class: "f-tick f-middle", x: this.across(value), y: y1 + 16 }, String(value).replace("-", "−")),
      ]),
      ...ticks(y).flatMap((value) => [
        svg("path", { class: "f-grid", d: `M${x0} ${this.up(value)}H${x1}` }),
        svg("text", { class: "f-tick f-end", x: x0 - 5, y: this.up(value) + 4 }, String(value).replace("-", "−")),
      ]),
      svg("path", { class: "f-axis", d: `M${x0} ${y0}V${y1}H${x1}` }),
    );
  }

  across(value) { return MARGIN.left + ((value - this.x[0]) / (this.x[1] - this.x[0])) * (this.width - MARGIN.left - MARGIN.right); }
  up(value) { return this.height - MARGIN.bottom - ((value - this.y[0]) / (this.y[1] - this.y[0])) * (this.height - MARGIN.top - MARGIN.bottom); }

  set(name, ...children) {
    if (!this.layers.has(name)) this.layers.set(name, this.drawing.appendChild(svg("g", {})));
    this.layers.get(name).replaceChildren(...children);
  }

  /** A line through points; what lies outside the axes is left out. */
  line(name, style, xs, ys) {
    let path = "", pen = "M";
    for (const [k, x] of Array.from(xs).entries()) {
      const inside = ys[k] >= this.y[0] && ys[k] <= this.y[1] && x >= this.x[0] && x <= this.x[1];
      if (inside) path += `${pen}${this.across(x).toFixed(1)} ${this.up(ys[k]).toFixed(1)}`;
      pen = inside ? "L" : "M";
    }
    this.set(name, svg("path", { class: `f-line ${style}`, d: path || "M0 0" }));
  }

  /** Points [x, y, style?]; those outside are left out. */
  dots(name, style, points, radius = 2.4) {
    const shown = points.filter(([x, y]) => x >= this.x[0] && x <= this.x[1] && y >= this.y[0] && y <= this.y[1]);
    this.set(name, ...shown.map(([x, y, own = ""]) =>
      svg("circle", { class: `${style} ${own}`, cx: this.across(x).toFixed(1), cy: this.up(y).toFixed(1), r: radius })));
  }

  /** Circles with a radius in units of the x axis. */
  circles(name, style, points, radius) {
    this.set(name, ...points.map(([x, y]) => svg("circle", { class: style, cx: this.across(x), cy: this.up(y), r: this.across(radius) - this.across(0) })));
  }

  /** Bars of equal width over the x axis. */
  bars(name, style, counts) {
    const width = (this.x[1] - this.x[0]) / counts.length;
    this.set(name, ...counts.map((count, k) => {
      const [left, top, floor] = [this.across(this.x[0] + k * width), this.up(Math.min(count, this.y[1])), this.up(Math.max(0, this.y[0]))];
      return svg("rect", { class: `f-bar ${style}`, x: left + 0.5, y: top, width: Math.max(0.5, this.across(width) - this.across(0) - 1), height: Math.max(0, floor - top) });
    }));
  }

  /** A vertical line. */
  mark(name, style, x) {
    const inside = x >= this.x[0] && x <= this.x[1];
    this.set(name, ...(inside ? [svg("path", { class: `f-line ${style}`, d: `M${this.across(x)} ${MARGIN.top}V${this.height - MARGIN.bottom}` })] : []));
  }
}
