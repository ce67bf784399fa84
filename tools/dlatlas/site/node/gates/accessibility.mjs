// axe-core on the pages that show every kind of element, in both color schemes, and on the states that only a click shows.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { open } from "./browser.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const OPTIONS = { resultTypes: ["violations"], rules: { "target-size": { enabled: true } } };
const COLORS = ["color-contrast", "link-in-text-block"]; // what depends on the scheme
export const SCHEMES = ["light", "dark"];

/** What a reader can open on a page, by the address it is tried on; every page is also looked at as it loads. */
const STATES = {
  "search with results": async (page, words) => {
    await page.keyboard.press("/");
    await page.keyboard.type(words.query);
    await page.locator("#search-results li").first().waitFor();
  },
  "menu on a phone": async (page) => {
    await page.setViewportSize({ width: 390, height: 800 });
    await page.locator("[data-menu]").click();
    await page.waitForTimeout(400); // the drawer slides in
  },
};

/** Violations on a page, or inside what a selector names. */
/** Violations on a page as it stands, inside an element, by some rules or all. */
export async function violations(page, where, { inside = "html", only = null } = {}) {
  await page.evaluate(AXE);
  const options = only ? { ...OPTIONS, runOnly: { type: "rule", values: only } } : OPTIONS;
  const { violations: found } = await page.evaluate(([part, chosen]) => globalThis.axe.run(part, chosen), [inside, options]);
  return found.flatMap(({ id, help, nodes }) => nodes.slice(0, 3).map(({ target, any }) => `${where}: ${help} [${id}]: ${target.join(" ")} ${any[0]?.message ?? ""}`.trim()));
}

/** Violations as `address (scheme): what [rule]: element`. */
export async function accessibility(browser, home, pages, words, faults) {
  const jobs = SCHEMES.flatMap((scheme) => pages.map((page) => ({ scheme, page })));
  const problems = [];
  const worker = async () => {
    const tabs = {};
    for (let job = jobs.shift(); job; job = jobs.shift()) {
      const { scheme, page: { address, lang } } = job;
      const tab = (tabs[scheme] ??= await open(browser, home, faults, { colorScheme: scheme }));
      await tab.goto(home + address);
      // Everything is open and laid out, and what the page does when it is idle is done
      await tab.addStyleTag({ content: "* { content-visibility: visible !important; }" });
      await tab.evaluate(() => { for (const closed of document.querySelectorAll("details")) closed.open = true; });
      await tab.waitForTimeout(200);
      await tab.waitForFunction(() => document.body.dataset.measured !== "no");
      // Only colors differ between the schemes
      problems.push(...(await violations(tab, `${address} (${scheme})`, { only: scheme === SCHEMES[0] ? null : COLORS })));
      if (/^\w+\/$/.test(address)) {
        for (const [state, reach] of Object.entries(STATES)) {
          const fresh = await open(browser, home, faults, { colorScheme: scheme });
          await fresh.goto(home + address);
          await reach(fresh, words[lang]);
          problems.push(...(await violations(fresh, `${address} (${scheme}, ${state})`)));
          await fresh.context().close();
        }
      }
    }
    await Promise.all(Object.values(tabs).map((tab) => tab.context().close()));
  };
  await Promise.all([worker(), worker()]);
  return problems.sort();
}
