// Pictures of numbers on a canvas, painted in the colors of the page and again when its scheme changes.

const shown = new Set();
new MutationObserver(() => {
  for (const picture of shown) {
    if (picture.element.isConnected) picture.paint();
  }
}).observe(document.body, { attributes: true, attributeFilter: ["data-md-color-scheme"] });

const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

/** Red, green and blue of a custom property. */
function color(name) {
  probe.fillStyle = getComputedStyle(document.body).getPropertyValue(name).trim();
  probe.fillRect(0, 0, 1, 1);
  return probe.getImageData(0, 0, 1, 1).data.slice(0, 3);
}

/** A picture with one cell a number: from `low` over zero to `high`, in the colors `from`, paper and `to`. */
export class Heat {
  constructor({ label, cell = 4, tall = cell, low = -1, high = 1, from = "--s1", to = "--s0", gap = 0 }) {
    Object.assign(this, { cell, tall, low, high, from, to, gap });
    this.element = document.createElement("canvas");
    this.element.setAttribute("role", "img");
    this.element.setAttribute("aria-label", label);
    this.element.className = "live-heat";
    shown.add(this);
  }

  /** Paint `values`, row by row, with a frame around the row `framed`. */
  show(values, rows, columns, framed) {
    Object.assign(this, { values, rows, columns, framed });
    this.element.width = columns * this.cell;
    this.element.height = rows * this.tall;
    this.paint();
  }

  paint() {
    if (!this.values) return;
    const [below, paper, above] = [color(this.from), color("--paper"), color(this.to)];
    const context = this.element.getContext("2d");
    const { cell, tall, gap } = this;
    const zero = this.low < 0 ? 0 : this.low;
    context.clearRect(0, 0, this.element.width, this.element.height);
    for (let k = 0; k < this.rows * this.columns; k += 1) {
      const value = Math.min(this.high, Math.max(this.low, this.values[k]));
      const share = value >= zero ? (value - zero) / (this.high - zero) : (zero - value) / (zero - this.low);
      const end = value >= zero ? above : below;
      const mixed = paper.map((part, c) => part + (end[c] - part) * share);
      context.fillStyle = `rgb(${mixed[0]} ${mixed[1]} ${mixed[2]})`;
      context.fillRect((k % this.columns) * cell, Math.floor(k / this.columns) * tall, cell - gap, tall - gap);
    }
    if (this.framed === undefined) return;
    context.strokeStyle = getComputedStyle(document.body).getPropertyValue("--ink");
    context.lineWidth = 2;
    context.strokeRect(1, this.framed * tall - 1, this.element.width - 2, tall + 1);
  }
}
