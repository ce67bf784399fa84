// Search over both languages: Pagefind's index of this language, the other one merged, Traditional Chinese queries converted.

const dialog = document.getElementById("search");
const { base, lang, other } = dialog.dataset;
const words = {
  en: { label: "Search the atlas", close: "Close", start: "Type a word, a title or a name.", none: "Nothing found.", found: "{n} results", loading: "Searching …", failed: "The search index could not be loaded." },
  zh: { label: "搜索图谱", close: "关闭", start: "输入词语、标题或人名。", none: "没有找到。", found: "{n} 条结果", loading: "正在搜索……", failed: "无法载入搜索索引。" },
}[lang];
const shownAtOnce = 12;

dialog.innerHTML = `<form role="search"><input type="search" role="combobox" aria-expanded="true" aria-controls="search-results" aria-autocomplete="list" autocomplete="off" spellcheck="false"><button type="button"></button></form><p role="status"></p><ul id="search-results" role="listbox"></ul>`;
const input = dialog.querySelector("input");
const list = dialog.querySelector("ul");
const status = dialog.querySelector("[role=status]");
const close = dialog.querySelector("button");
input.setAttribute("aria-label", words.label);
input.placeholder = words.label;
list.setAttribute("aria-label", words.label);
close.textContent = words.close;

let engine = null;
let simplify = null;
let turn = 0;
let selected = -1;

function load() {
  engine ??= (async () => {
    const root = new URL(`${base}/`, location.href);
    const pagefind = await import(new URL("pagefind/pagefind.js", root).href);
    await pagefind.options({ baseUrl: root.pathname });
    await pagefind.init();
    const sibling = new URL(`../${other}/`, root);
    await pagefind.mergeIndex(new URL("pagefind/", sibling).href, { baseUrl: sibling.pathname, indexWeight: 0.6, language: other }).catch(() => {});
    return pagefind;
  })().catch((error) => { engine = null; throw error; });
  return engine;
}

async function simplified(query) {
  if (!/\p{Script=Han}/u.test(query)) return query;
  simplify ??= import(new URL(`${base}/assets/t2cn.js`, location.href).href).then(({ Converter }) => Converter({ from: "t", to: "cn" }));
  return (await simplify)(query);
}

async function search() {
  const mine = ++turn;
  const query = input.value.trim();
  if (!query) { show([], words.start); return; }
  status.textContent = words.loading;
  try {
    const pagefind = await load();
    const found = await pagefind.search(await simplified(query));
    const data = await Promise.all(found.results.slice(0, shownAtOnce).map((result) => result.data()));
    if (mine === turn) show(distinct(data), found.results.length ? words.found.replace("{n}", found.results.length) : words.none);
  } catch {
    if (mine === turn) show([], words.failed);
  }
}

// A page that both languages found is shown once, in the reader's language, at its better place.
function distinct(results) {
  const pages = new Map();
  for (const result of results) {
    const path = new URL(result.url, location.href).pathname;
    const page = path.replace(/\/(en|zh)\//, "/");
    if (!pages.has(page) || path.includes(`/${lang}/`)) pages.set(page, result);
  }
  return [...pages.values()];
}

function show(results, message) {
  status.textContent = message;
  list.replaceChildren(...results.map(item));
  select(results.length ? 0 : -1);
}

function item(result, index) {
  const row = document.createElement("li");
  row.role = "option";
  row.id = `search-result-${index}`;
  const anchor = document.createElement("a");
  const best = result.sub_results?.find((part) => part.url.includes("#"));
  anchor.href = result.url;
  anchor.tabIndex = -1;
  const title = document.createElement("strong");
  title.textContent = result.meta.title;
  const text = document.createElement("span");
  text.innerHTML = result.excerpt; // Pagefind escapes the page's text and adds only <mark>
  anchor.append(title);
  if (best && best.title !== result.meta.title) {
    const part = document.createElement("small");
    part.textContent = best.title;
    anchor.append(part);
    anchor.href = best.url;
    text.innerHTML = best.excerpt;
  }
  anchor.append(text);
  row.append(anchor);
  return row;
}

function select(index) {
  selected = index;
  [...list.children].forEach((row, i) => {
    row.setAttribute("aria-selected", i === index);
    if (i === index) row.scrollIntoView({ block: "nearest" });
  });
  if (index < 0) input.removeAttribute("aria-activedescendant");
  else input.setAttribute("aria-activedescendant", `search-result-${index}`);
}

function open() {
  if (dialog.open) return;
  dialog.showModal();
  input.select();
  if (!input.value) status.textContent = words.start;
  load().catch(() => {});
}

for (const button of document.querySelectorAll("[data-search-open]")) button.addEventListener("click", open);
close.addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
dialog.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const anchor = list.children[selected]?.querySelector("a");
  if (anchor) { dialog.close(); location.assign(anchor.href); }
});
list.addEventListener("click", () => dialog.close());

let timer;
input.addEventListener("input", (event) => {
  clearTimeout(timer);
  if (!event.isComposing) timer = setTimeout(search, 120);
});
input.addEventListener("compositionend", search);
input.addEventListener("keydown", (event) => {
  const rows = list.children.length;
  if (!rows || event.isComposing) return;
  const next = { ArrowDown: (selected + 1) % rows, ArrowUp: (selected - 1 + rows) % rows }[event.key];
  if (next !== undefined) { event.preventDefault(); select(next); }
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && event.key === "/") { event.preventDefault(); open(); }
});
