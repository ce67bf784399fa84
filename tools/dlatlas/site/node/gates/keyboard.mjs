// The paths that a reader without a mouse takes. Each is a story of keys; what does not come true is a problem.
import { open } from "./browser.mjs";
import { TOPIC_STORIES } from "./topic.mjs";

class Untrue extends Error {}

function check(truth, text) {
  if (!truth) throw new Untrue(text);
}

const focused = (page, selector) => page.evaluate((s) => document.activeElement?.matches(s) ?? false, selector);

/** Press Tab until something that `selector` names has the focus, from `start` on. */
async function tabTo(page, selector, start = null, limit = 60) {
  if (start) await page.evaluate((s) => { const at = document.querySelector(s); at.tabIndex = -1; at.focus({ preventScroll: true }); }, start);
  for (let i = 0; i < limit; i += 1) {
    await page.keyboard.press("Tab");
    if (await focused(page, selector)) return;
  }
  check(false, `Tab does not reach ${selector}`);
}

const STORIES = {
  "skip link": async (page, { home, lang }) => {
    await page.goto(`${home}${lang}/`);
    await page.keyboard.press("Tab");
    check(await focused(page, ".md-skip"), "the first Tab does not reach the skip link");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    check(await page.evaluate(() => document.querySelector("main, .md-content").contains(document.activeElement)), "the skip link does not lead into the content");
  },
  search: async (page, { home, lang, words }) => {
    await page.goto(`${home}${lang}/`);
    await tabTo(page, "[data-search-open]");
    await page.keyboard.press("Enter");
    check(await focused(page, "#search input"), "Enter on the search button does not lead to its field");
    await page.keyboard.type(words.query);
    await page.locator("#search-results li").nth(1).waitFor({ timeout: 10_000 });
    const first = await page.getAttribute("#search input", "aria-activedescendant");
    await page.keyboard.press("ArrowDown");
    const second = await page.getAttribute("#search input", "aria-activedescendant");
    check(first && second && first !== second, "the arrow keys do not move through the results");
    await page.keyboard.press("Escape"); // empties the field
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => !document.querySelector("#search").open);
    check(await focused(page, "[data-search-open]"), "Escape does not lead back to the search button");
    await page.keyboard.press("/");
    await page.keyboard.press("Control+A");
    await page.keyboard.type(words.query);
    await page.waitForTimeout(600);
    await page.locator("#search-results li").first().waitFor();
    await Promise.all([page.waitForURL((url) => url.pathname.includes(words.found)), page.keyboard.press("Enter")]);
  },
  "search by address": async (page, { home, lang, words }) => {
    await page.goto(`${home}${lang}/?q=${encodeURIComponent(words.query)}`);
    await page.locator("#search-results li").first().waitFor({ timeout: 10_000 });
    check((await page.inputValue("#search input")) === words.query, "?q= does not reach the search field");
  },
  filters: async (page, { home, filtered }) => {
    await page.goto(home + filtered);
    const shown = () => page.locator(".entries > .entry:visible").count();
    const all = await shown();
    await tabTo(page, ".filters select", "#reading");
    const name = await page.evaluate(() => document.activeElement.name);
    await page.keyboard.press("ArrowDown");
    await page.waitForFunction((key) => new URL(location.href).searchParams.has(key), name, { timeout: 3000 }).catch(() => check(false, "the filter is not kept in the address"));
    const some = await shown();
    check(some > 0 && some < all, `a filter leaves ${some} of ${all} entries`);
    await page.reload();
    check((await shown()) === some, "the filter does not hold after a reload");
  },
  "methods table": async (page, { home, lang }) => {
    await page.goto(`${home}${lang}/methods/`);
    const column = () => page.locator(".sortable table tbody tr td:first-child").allInnerTexts();
    const before = await column();
    await tabTo(page, ".sortable table th button");
    await page.keyboard.press("Enter");
    check((await page.locator(".sortable table th").first().getAttribute("aria-sort")) === "ascending", "Enter on a heading does not sort");
    await page.keyboard.press("Enter");
    const down = await column();
    check(down.length === before.length && down.join() !== before.join(), "sorting does not move the rows");
  },
  map: async (page, { home, lang }) => {
    await page.goto(`${home}${lang}/`);
    await tabTo(page, ".map a", ".map", 10);
    const here = await page.evaluate(() => document.activeElement.getAttribute("href"));
    await page.keyboard.press("ArrowRight");
    const there = await page.evaluate(() => document.activeElement.getAttribute("href"));
    check(there && there !== here, "the arrow keys do not move through the map");
    await Promise.all([page.waitForURL((url) => url.href === new URL(there, `${home}${lang}/`).href), page.keyboard.press("Enter")]);
  },
  language: async (page, { home, lang, filtered }) => {
    await page.goto(home + filtered);
    await tabTo(page, ".atlas-language");
    const other = lang === "en" ? "zh" : "en";
    await Promise.all([page.waitForURL(home + filtered.replace(`${lang}/`, `${other}/`)), page.keyboard.press("Enter")]);
  },
  ...TOPIC_STORIES,
};

/** Problems as `language, story: what did not come true`. */
export async function keyboard(browser, home, languages, faults) {
  const problems = [];
  for (const [lang, more] of Object.entries(languages)) {
    for (const [name, story] of Object.entries(STORIES)) {
      const page = await open(browser, home, faults);
      page.setDefaultTimeout(15_000);
      try {
        await story(page, { home, lang, ...more }, { check, tabTo, focused });
      } catch (error) {
        problems.push(`${lang}, ${name}: ${error instanceof Untrue ? error.message : error.message.split("\n")[0]}`);
      }
      await page.context().close();
    }
  }
  return { problems, stories: Object.keys(STORIES).length * Object.keys(languages).length };
}
