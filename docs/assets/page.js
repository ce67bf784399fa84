// What the theme's own script did that these pages need; the rest of it would cost more than it gives.

// The table of contents marks the section that is being read.
const links = new Map([...document.querySelectorAll(".md-nav--secondary a.md-nav__link")].map((link) => [decodeURIComponent(link.hash.slice(1)), link]));
const headings = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
if (headings.length) {
  let active = null;
  const mark = () => {
    const line = 0.2 * innerHeight;
    let last = headings[0];
    for (const heading of headings) if (heading.getBoundingClientRect().top <= line) last = heading;
    const now = links.get(last.id);
    if (now === active) return;
    active?.classList.remove("md-nav__link--active");
    active?.removeAttribute("aria-current");
    active = now;
    active.classList.add("md-nav__link--active");
    active.setAttribute("aria-current", "location");
    const box = active.closest(".md-sidebar__scrollwrap");
    if (box) box.scrollTop += active.getBoundingClientRect().top - box.getBoundingClientRect().top - box.clientHeight / 2;
  };
  let waiting = false;
  addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; mark(); });
  }, { passive: true });
}

// What scrolls sideways can be reached with the keyboard. Measuring waits until the browser is idle, and goes on when something opens.
const idle = globalThis.requestIdleCallback ?? ((work) => setTimeout(() => work({ timeRemaining: () => 10 }), 50));
const boxes = [];
function reach(deadline) {
  while (boxes.length && deadline.timeRemaining() > 4) {
    const box = boxes.shift();
    if (box.scrollWidth > box.clientWidth && box.clientWidth) box.tabIndex = 0;
  }
  if (boxes.length) idle(reach);
  else delete document.body.dataset.measured;
}
function measure(part) {
  boxes.push(...part.querySelectorAll(".md-typeset pre > code, pre, .katex-display, .table-wrap, .formula"));
  document.body.dataset.measured = "no";
  idle(reach);
}
addEventListener("load", () => measure(document));
document.addEventListener("toggle", (event) => { if (event.target.open) measure(event.target); }, true);

// On paper everything is open.
addEventListener("beforeprint", () => { for (const closed of document.querySelectorAll("details")) closed.open = true; });
