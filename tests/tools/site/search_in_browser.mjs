// node search_in_browser.mjs GATES SITE LANG QUERIES: types each query of a JSON list into the search dialog of a site
// and prints what it shows, as JSON: {found: [{results, links, marks, status}], faults}.
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [gates, site, lang, queries] = process.argv.slice(2);
const from = (name) => import(pathToFileURL(join(gates, name)).href);
const [{ serve }, { launch, open }] = await Promise.all([from("server.mjs"), from("browser.mjs")]);

const server = await serve(site);
const browser = await launch();
const faults = [];
try {
  const page = await open(browser, server.url, faults);
  await page.goto(`${server.url}${lang}/`);
  await page.keyboard.press("/");
  const found = [];
  for (const query of JSON.parse(queries)) {
    await page.fill("#search input", query);
    await page.waitForFunction((text) => document.querySelector("#search-results").dataset.query === text, query, { timeout: 30_000 });
    found.push(await page.evaluate(() => ({
      results: [...document.querySelectorAll("#search-results li")].map((row) => row.dataset.record),
      links: [...document.querySelectorAll("#search-results a")].map((anchor) => new URL(anchor.href).pathname + new URL(anchor.href).hash),
      marks: [...document.querySelectorAll("#search-results mark")].map((mark) => mark.textContent),
      status: document.querySelector("#search [role=status]").textContent,
    })));
  }
  console.log(JSON.stringify({ found, faults }));
} finally {
  await browser.close();
  server.close();
}
