// The map of topics and the tables that sort. Without this script the map is links and the tables are tables.

// Map: what a topic builds on and what it opens stand out, and the arrow keys move along the lines.
for (const map of document.querySelectorAll(".map")) {
  const nodes = new Map([...map.querySelectorAll("a[data-id]")].map((node) => [node.dataset.id, node]));
  const lines = [...map.querySelectorAll("path[data-from]")];
  const told = map.querySelector(".map-told");
  const neighbors = (id, from, to) => lines.filter((line) => line.dataset[from] === id).map((line) => line.dataset[to]);
  const before = (id) => neighbors(id, "to", "from");
  const after = (id) => neighbors(id, "from", "to");
  const title = (id) => nodes.get(id).dataset.title;

  function reachable(id, step) {
    const found = new Set();
    const waiting = [id];
    while (waiting.length) {
      for (const next of step(waiting.pop())) if (!found.has(next)) { found.add(next); waiting.push(next); }
    }
    return found;
  }

  function show(id) {
    const all = id ? new Set([id, ...reachable(id, before), ...reachable(id, after)]) : null;
    map.classList.toggle("map-picked", Boolean(id));
    for (const [name, node] of nodes) node.classList.toggle("on", Boolean(all?.has(name)));
    for (const line of lines) line.classList.toggle("on", Boolean(all?.has(line.dataset.from) && all.has(line.dataset.to)));
    const list = (label, ids) => (ids.length ? ` ${label}: ${ids.map(title).join(", ")}.` : "");
    told.textContent = id ? `${title(id)}.${list(told.dataset.before, before(id))}${list(told.dataset.after, after(id))}` : told.dataset.none;
  }

  // One node is in the order of Tab, the others are reached from it
  let current = [...nodes.keys()][0];
  for (const [id, node] of nodes) node.setAttribute("tabindex", id === current ? 0 : -1);
  function move(id) {
    if (!nodes.has(id)) return;
    nodes.get(current).setAttribute("tabindex", -1);
    current = id;
    const node = nodes.get(id);
    node.setAttribute("tabindex", 0);
    node.focus();
  }

  const middle = (id) => { const box = nodes.get(id).getBBox(); return { x: box.x, y: box.y + box.height / 2 }; };
  function beside(id, sign) {
    const here = middle(id);
    const column = [...nodes.keys()].filter((other) => Math.abs(middle(other).x - here.x) < 2).sort((a, b) => middle(a).y - middle(b).y);
    return column[column.indexOf(id) + sign];
  }
  // Along a line to the nearest neighbor, else to the nearest node of the next column
  function across(id, sign) {
    const here = middle(id);
    const far = (other) => Math.hypot(middle(other).x - here.x, middle(other).y - here.y);
    const linked = sign > 0 ? after(id) : before(id);
    const options = linked.length ? linked : [...nodes.keys()].filter((other) => sign * (middle(other).x - here.x) > 2);
    return options.sort((a, b) => far(a) - far(b))[0];
  }

  for (const [id, node] of nodes) {
    node.addEventListener("focus", () => { current = id; show(id); });
    node.addEventListener("blur", () => show(null));
    node.addEventListener("pointerenter", () => show(id));
    node.addEventListener("pointerleave", () => show(map.contains(document.activeElement) && nodes.has(document.activeElement.dataset.id) ? document.activeElement.dataset.id : null));
    node.addEventListener("keydown", (event) => {
      const step = { ArrowRight: () => across(id, 1), ArrowLeft: () => across(id, -1), ArrowDown: () => beside(id, 1), ArrowUp: () => beside(id, -1), Home: () => [...nodes.keys()][0], End: () => [...nodes.keys()].at(-1) }[event.key];
      if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      move(step());
    });
  }
}

// Tables: each heading becomes a button; numbers sort as numbers, empty cells stand last.
for (const table of document.querySelectorAll(".sortable table")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const compare = new Intl.Collator(document.documentElement.lang, { numeric: true }).compare;
  const value = (row, column) => {
    const cell = row.cells[column];
    const badge = cell.querySelector(".badge");
    return badge ? `${["verified", "stale", "unverified", "planned"].findIndex((name) => badge.classList.contains(`badge-${name}`))} ${badge.textContent}` : cell.textContent.trim();
  };
  const order = (a, b) => {
    if (!a || !b) return a ? -1 : b ? 1 : 0;
    const [x, y] = [Number.parseFloat(a), Number.parseFloat(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? compare(a, b) : x - y || compare(a, b);
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows].map((row) => [value(row, column), row]);
      rows.sort(([a], [b]) => (a && b && down ? -1 : 1) * order(a, b));
      body.append(...rows.map(([, row]) => row));
    });
  });
}
