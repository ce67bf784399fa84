// Controls of the figures; each figure shows something without them.

// One drawing with many links: one of them is in the tab order, the arrow keys move among them.
for (const box of document.querySelectorAll("[data-roving]")) {
  const items = [...box.querySelectorAll(box.dataset.roving)];
  items.forEach((item, i) => item.setAttribute("tabindex", i ? "-1" : "0"));
  const center = (item) => { const r = item.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; };
  const towards = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  box.addEventListener("keydown", (event) => {
    const way = towards[event.key];
    const from = event.target.closest(box.dataset.roving);
    if (!way || !from) return;
    event.preventDefault();
    const [x, y] = center(from);
    let best = null;
    let least = Infinity;
    for (const item of items) {
      const [a, b] = center(item);
      const ahead = (a - x) * way[0] + (b - y) * way[1];
      const aside = Math.abs((a - x) * way[1] + (b - y) * way[0]);
      if (ahead > 1 && ahead + 2 * aside < least) [best, least] = [item, ahead + 2 * aside];
    }
    if (!best) return;
    from.setAttribute("tabindex", "-1");
    best.setAttribute("tabindex", "0");
    best.focus();
  });
}

// Paths of the optimizers: show the first steps only.
for (const figure of document.querySelectorAll(".f-paths")) {
  const box = figure.querySelector(".f-slider");
  const slider = box.querySelector("input");
  const output = box.querySelector("output");
  const paths = [...figure.querySelectorAll(".f-path")].map((line) => [line, line.getAttribute("points").split(" ")]);
  slider.addEventListener("input", () => {
    output.textContent = slider.value;
    for (const [line, points] of paths) line.setAttribute("points", points.slice(0, Number(slider.value) + 1).join(" "));
  });
  box.hidden = false;
}

// Convolution: mark the inputs that one output reads.
for (const figure of document.querySelectorAll(".f-conv")) {
  const reads = JSON.parse(figure.dataset.reads);
  const box = figure.querySelector(".f-stepper");
  const slider = box.querySelector("input");
  const output = box.querySelector("output");
  const inputs = figure.querySelectorAll(".f-in");
  const outputs = figure.querySelectorAll(".f-out");
  const show = () => {
    const now = Number(slider.value);
    inputs.forEach((cell, i) => cell.classList.toggle("f-on", reads[now].includes(i)));
    outputs.forEach((cell, i) => cell.classList.toggle("f-on", i === now));
    output.textContent = output.dataset.text.replace("{n}", now + 1);
  };
  slider.addEventListener("input", show);
  for (const button of box.querySelectorAll("[data-step]")) {
    button.addEventListener("click", () => { slider.value = (Number(slider.value) + Number(button.dataset.step) + reads.length) % reads.length; show(); });
  }
  show();  // a browser may keep the slider's place when the page is loaded again
  box.hidden = false;
}
