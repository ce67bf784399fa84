// The search dialog: finds in the records of both languages as one types, shows them in the reader's.

import { Finder } from "./search-find.js";
import { Index } from "./search-index.js";
import { isHan, Preparer } from "./search-text.js";

const dialog = document.querySelector("dialog#search");
const { base, lang, other } = dialog.dataset;
const words = {
  en: { label: "Search the atlas", close: "Close", start: "Type a word, a title, a name or an address.", none: "Nothing found.", found: "{n} results", instead: "searched for {words}", loading: "Searching …", failed: "The search index could not be loaded." },
  zh: { label: "搜索图谱", close: "关闭", start: "输入词语、标题、人名或网址。", none: "没有找到。", found: "{n} 条结果", instead: "按 {words} 搜索", loading: "正在搜索……", failed: "无法载入搜索索引。" },
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

const root = new URL(`${base}/`, location.href);
const shared = new URL("../search/", root);
let engine = null;
let turn = 0;
let selected = -1;

function load() {
  engine ??= (async () => {
    const [index, rules] = await Promise.all([Index.open(shared), fetch(new URL("rules.json", shared)).then((answer) => answer.json())]);
    let known = null;
    const vocabulary = () => (known ??= fetch(new URL("words.txt", shared)).then((answer) => answer.text()).then((text) => text.split(" ")));
    const preparer = new Preparer(rules);
    return { finder: new Finder(index, preparer, rules, vocabulary), preparer, types: rules.types[lang] };
  })().catch((error) => { engine = null; throw error; });
  return engine;
}

async function search() {
  const mine = ++turn;
  const query = input.value.trim();
  if (!query) { show([], words.start); return; }
  status.textContent = words.loading;
  try {
    const { finder, preparer, types } = await load();
    const { results, total, corrected, terms } = await finder.find(query, shownAtOnce);
    if (mine !== turn) return;
    const instead = Object.values(corrected).join(", ");
    const message = total ? words.found.replace("{n}", total) : words.none;
    show(results.map((result, index) => item(result, index, types, preparer, new Set(terms))), instead ? `${message} (${words.instead.replace("{words}", instead)})` : message);
  } catch (error) {
    console.error(error);
    if (mine === turn) show([], words.failed);
  }
}

function show(rows, message) {
  status.textContent = message;
  list.replaceChildren(...rows);
  list.dataset.query = input.value.trim();
  select(rows.length ? 0 : -1);
}

function item(result, index, types, preparer, terms) {
  const row = element("li", "", { role: "none" });
  row.dataset.record = result.type === "topic" || result.type === "method" ? `${result.type}:${result.id}` : result.id;
  const anchor = element("a", "", { href: new URL(result.path, root).href, tabIndex: -1, role: "option", id: `search-result-${index}` });
  const title = element("strong");
  title.append(...marked(result[lang], preparer, terms));
  anchor.append(title, element("small", types[result.type] ?? ""));
  if (result[other] !== result[lang]) {
    const second = element("em", "", { lang: other });
    second.append(...marked(result[other], preparer, terms));
    anchor.append(second);
  }
  if (result[`note-${lang}`]) {
    const note = element("span");
    note.append(...marked(result[`note-${lang}`], preparer, terms));
    anchor.append(note);
  }
  row.append(anchor);
  return row;
}

function element(name, text = "", properties = {}) {
  const made = Object.assign(document.createElement(name), properties);
  if (text) made.textContent = text;
  return made;
}

// A text with the words and the Chinese runs marked that were asked for.
function marked(text, preparer, terms) {
  const nodes = [];
  const add = (part, hit) => {
    const last = nodes.at(-1);
    if (last?.hit === hit) last.text += part;
    else nodes.push({ text: part, hit });
  };
  for (const part of text.split(/([\u3400-\u9fff]+|(?:(?![\u3400-\u9fff])[\p{L}\p{N}])+)/u).filter(Boolean)) {
    if (isHan(part)) for (const [i, hit] of runHits(preparer.normalize(part), part.length, terms).entries()) add(part[i], hit);
    else add(part, terms.has(preparer.units(part)[0]));
  }
  return nodes.map(({ text: content, hit }) => (hit ? element("mark", content) : document.createTextNode(content)));
}

// Which characters of a Chinese run are asked for; all, where its plain form has another length.
function runHits(plain, length, terms) {
  const hits = Array(plain.length).fill(false);
  for (const run of terms) {
    if (isHan(run)) for (let at = plain.indexOf(run); at >= 0; at = plain.indexOf(run, at + 1)) hits.fill(true, at, at + run.length);
  }
  return plain.length === length ? hits : Array(length).fill(hits.includes(true));
}

function select(index) {
  selected = index;
  [...list.children].forEach((row, i) => {
    row.firstChild.setAttribute("aria-selected", i === index);
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

// A browser's search field asks by address.
const asked = new URL(location.href).searchParams.get("q");
if (asked) {
  open();
  input.value = asked;
  search();
}
