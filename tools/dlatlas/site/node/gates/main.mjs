// node main.mjs SITE REPORT [GATE…]: check a built site in a browser; the report is JSON, the exit status 1 when a gate found something.
import { writeFileSync } from "node:fs";
import { accessibility, SCHEMES } from "./accessibility.mjs";
import { launch } from "./browser.mjs";
import { demonstrations } from "./demonstrations.mjs";
import { keyboard } from "./keyboard.mjs";
import { scores } from "./lighthouse.mjs";
import { markup } from "./markup.mjs";
import { pagesOf, representative } from "./pages.mjs";
import { serve } from "./server.mjs";
import { visit } from "./visit.mjs";
import { weight } from "./weight.mjs";

const [site, report, ...only] = process.argv.slice(2);
const WORDS = { en: { query: "lstm", found: "/lstm" }, zh: { query: "剪枝", found: "/pruning" } };

const pages = pagesOf(site);
const languages = Object.keys(WORDS);
const of = (lang) => pages.filter((page) => page.lang === lang);
const shown = [...languages.flatMap((lang) => representative(of(lang))), ...pages.filter((page) => !languages.includes(page.lang))];
const heaviest = (lang) => of(lang).filter(({ kind }) => kind === "topic").sort((a, b) => b.html.length - a.html.length);

const server = await serve(site);
const browser = await launch();
const faults = [];
const told = (kind) => [...new Set(faults.filter((fault) => fault.kind === kind).map(({ page, text }) => `${page}: ${text}`))];

const GATES = {
  markup: async () => ({ problems: await markup(pages), looked: pages.length }),
  accessibility: async () => ({ problems: await accessibility(browser, server.url, shown, WORDS, faults), looked: shown.length * SCHEMES.length }),
  keyboard: async () => {
    const filtered = (lang) => heaviest(lang).find(({ html }) => html.includes('class="filters"'))?.address;
    const { problems, stories } = await keyboard(browser, server.url, Object.fromEntries(languages.map((lang) => [lang, { words: WORDS[lang], filtered: filtered(lang) }])), faults);
    return { problems, looked: stories };
  },
  weight: async () => {
    const looked = languages.flatMap((lang) => heaviest(lang).slice(0, 5));
    return { ...(await weight(browser, server.url, looked, faults)), looked: looked.length };
  },
  demonstrations: () => demonstrations(browser, server.url, pages, faults),
  visit: async () => {
    await visit(browser, server.url, pages.filter(({ name }) => name !== "404.html"), faults);
    return { problems: told("width"), looked: pages.length };
  },
  "foreign requests": async () => ({ problems: told("foreign") }),
  console: async () => ({ problems: told("console") }),
  lighthouse: async () => {
    const looked = languages.map((lang) => heaviest(lang)[0].address);
    return { ...(await scores(server.url, looked)), looked: looked.length };
  },
};

const unknown = only.filter((name) => !(name in GATES));
if (unknown.length) throw new Error(`no gate ${unknown.join(", ")}; there are ${Object.keys(GATES).join(", ")}`);
const found = {};
try {
  for (const [name, gate] of Object.entries(GATES)) {
    if (only.length && !only.includes(name)) continue;
    const start = performance.now();
    const { problems, ...more } = await gate();
    found[name] = { problems, ...more, seconds: Math.round((performance.now() - start) / 100) / 10 };
    console.log(`${problems.length ? "FAILED" : "ok    "} ${name.padEnd(16)} ${found[name].seconds.toFixed(1).padStart(6)} s  ${JSON.stringify(more)}`);
    for (const problem of problems) console.log(`       ${problem}`);
  }
} finally {
  await browser.close();
  server.close();
}
if (report) writeFileSync(report, `${JSON.stringify(found, null, 1)}\n`);
process.exit(Object.values(found).some(({ problems }) => problems.length) ? 1 : 0);
