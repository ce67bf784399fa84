// A pad to draw on with a pointer or the keyboard, and the drawing as 8 x 8 counts of ink, as the training images have them.
import { make } from "./kit.js";

const SIDE = 240;
const POINTS = 32; // the scans behind the training images had 32 x 32 points
const BLOCK = 4;
const PEN = 3.6;
const STEP = SIDE / 16;

export class Pad {
  constructor({ label, hint }, changed) {
    this.strokes = [];
    this.changed = changed;
    this.cursor = [SIDE / 2, SIDE / 4];
    this.element = make("canvas", { class: "live-pad", width: SIDE, height: SIDE, tabindex: "0", role: "application", "aria-label": `${label} ${hint}` });
    this.context = this.element.getContext("2d");
    this.scratch = make("canvas", { width: POINTS, height: POINTS }).getContext("2d", { willReadFrequently: true });
    this.element.addEventListener("pointerdown", (event) => {
      this.element.setPointerCapture(event.pointerId);
      this.keyed = false;
      this.down(this.place(event));
    });
    this.element.addEventListener("pointermove", (event) => { if (this.drawing && !this.keyed) this.move(this.place(event)); });
    for (const name of ["pointerup", "pointercancel"]) this.element.addEventListener(name, () => { this.drawing = false; });
    this.element.addEventListener("keydown", (event) => this.key(event));
    for (const name of ["focus", "blur"]) this.element.addEventListener(name, () => this.paint());
    new MutationObserver(() => this.paint()).observe(document.body, { attributes: true, attributeFilter: ["data-md-color-scheme"] });
  }

  place(event) {
    const box = this.element.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  }

  key(event) {
    const moves = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
    if (event.key === " ") {
      this.keyed = true;
      if (this.drawing) this.drawing = false;
      else this.down([...this.cursor]);
    } else if (moves[event.key]) {
      this.cursor = this.cursor.map((value, k) => Math.min(SIDE, Math.max(0, value + moves[event.key][k])));
      if (this.drawing) this.move([...this.cursor]);
    } else return;
    event.preventDefault();
    this.paint();
  }

  down(point) {
    this.drawing = true;
    this.strokes.push([point, [point[0] + 0.1, point[1]]]);
    this.update();
  }

  move(point) {
    this.strokes.at(-1).push(point);
    this.update();
  }

  clear() {
    this.strokes = [];
    this.drawing = false;
    this.update();
  }

  update() {
    this.paint();
    this.changed();
  }

  paint() {
    const style = getComputedStyle(document.body);
    this.context.clearRect(0, 0, SIDE, SIDE);
    this.trace(this.context, (point) => point, 16, style.getPropertyValue("--ink"));
    if (document.activeElement !== this.element) return;
    this.context.fillStyle = style.getPropertyValue("--warm");
    this.context.beginPath();
    this.context.arc(...this.cursor, 5, 0, 2 * Math.PI);
    this.context.fill();
  }

  trace(context, moved, width, color) {
    Object.assign(context, { lineWidth: width, lineCap: "round", lineJoin: "round", strokeStyle: color });
    for (const stroke of this.strokes) {
      context.beginPath();
      stroke.forEach((point, k) => (k ? context.lineTo(...moved(point)) : context.moveTo(...moved(point))));
      context.stroke();
    }
  }

  /** Share of inked points in each block, 0 to 1: the strokes are moved and scaled to fill the image, as those of the scans were. */
  ink() {
    const points = this.strokes.flat();
    const found = new Float32Array((POINTS / BLOCK) ** 2);
    if (!points.length) return found;
    const edges = [0, 1].map((k) => [Math.min(...points.map((point) => point[k])), Math.max(...points.map((point) => point[k]))]);
    const scale = (POINTS - PEN) / Math.max(SIDE / 6, ...edges.map(([low, high]) => high - low));
    this.scratch.clearRect(0, 0, POINTS, POINTS);
    this.trace(this.scratch, (point) => point.map((value, k) => POINTS / 2 + (value - (edges[k][0] + edges[k][1]) / 2) * scale), PEN, "black");
    const { data } = this.scratch.getImageData(0, 0, POINTS, POINTS);
    for (let k = 0; k < POINTS ** 2; k += 1) {
      const block = Math.floor(k / POINTS / BLOCK) * (POINTS / BLOCK) + Math.floor((k % POINTS) / BLOCK);
      if (data[4 * k + 3] > 127) found[block] += 1 / BLOCK ** 2;
    }
    return found;
  }
}
