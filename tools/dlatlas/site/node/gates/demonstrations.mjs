// Every live demonstration is started with the keyboard and each of its controls used once: in light on a desk in one language, in dark on a phone in the other.
import { join } from "node:path";
import { violations } from "./accessibility.mjs";
import { open } from "./browser.mjs";

const WAIT = 30_000;
const VIEWS = [
  { name: "light", options: { colorScheme: "light" } },
  { name: "dark phone", options: { colorScheme: "dark", viewport: { width: 390, height: 844 } } },
];

const TWO = [[0.3, 0.32], [0.36, 0.2], [0.5, 0.16], [0.64, 0.2], [0.7, 0.34], [0.62, 0.48], [0.48, 0.64], [0.32, 0.84], [0.73, 0.84]];

/** Use every control of a started demonstration once; each must leave it without an error. */
async function use(block) {
  for (const slider of await block.locator("input[type=range]:visible").all()) {
    const before = await slider.inputValue();
    await slider.press(Number(before) < Number(await slider.getAttribute("max")) ? "ArrowRight" : "ArrowLeft");
    if ((await slider.inputValue()) === before) throw new Error("a slider does not follow the arrow keys");
  }
  for (const list of await block.locator("select").all()) {
    await list.selectOption({ index: (await list.locator("option").count()) - 1 });
  }
  for (const text of await block.locator("input[type=text]").all()) await text.fill("abacus (9)");
  for (const button of await block.locator("button:not(.live-start)").all()) await button.click();
  for (const pad of await block.locator(".live-pad").all()) {
    await pad.focus();
    for (const key of [" ", ..."DDDDDDD"].map((name) => (name === "D" ? "ArrowDown" : name))) await pad.press(key);
    await block.locator(".live-controls button").first().click(); // clears it
    await draw(pad, TWO);
    await block.locator(".live-report", { hasText: /^\D*2\D/ }).waitFor({ timeout: 5000 }).catch(() => { throw new Error("a drawn 2 is not read"); });
  }
}

/** Draw a line through points of the unit square with the mouse. */
async function draw(pad, points) {
  const { x, y, width, height } = await pad.boundingBox();
  const { mouse } = pad.page();
  for (const [k, [across, down]] of points.entries()) {
    await mouse.move(x + across * width, y + down * height, { steps: 2 });
    if (!k) await mouse.down();
  }
  await mouse.up();
}

/** Problems as `address (view): demonstration: what`; with `pictures`, a screenshot of each goes into that folder. */
export async function demonstrations(browser, home, pages, faults, pictures) {
  const problems = [];
  let looked = 0;
  const languages = [...new Set(pages.map(({ lang }) => lang))].filter((lang) => lang.length === 2);
  for (const [k, lang] of languages.entries()) {
    const { name, options } = VIEWS[k % VIEWS.length];
    for (const { address } of pages.filter((page) => page.lang === lang && page.html.includes("data-live="))) {
      const page = await open(browser, home, faults, options);
      await page.goto(home + address);
      for (const block of await page.locator("[data-live]").all()) {
        const id = await block.getAttribute("data-live");
        const told = (text) => problems.push(`${address} (${name}): ${id}: ${text}`);
        looked += 1;
        try {
          await block.locator(".live-start").press("Enter", { timeout: WAIT });
          await block.locator(".live-stage > *").first().waitFor({ timeout: WAIT });
          if (pictures) await block.screenshot({ path: join(pictures, `${id}-${address.slice(0, 2)}-${name.replace(" ", "-")}.png`) });
          await use(block);
          await page.waitForTimeout(900); // what is announced waits until it has settled
          if (pictures) await block.screenshot({ path: join(pictures, `${id}-${address.slice(0, 2)}-${name.replace(" ", "-")}-used.png`) });
          const said = await block.innerText();
          if (/undefined|NaN|\{\w+\}/.test(said)) told(`says ${said.match(/.*(?:undefined|NaN|\{\w+\}).*/)[0]}`);
        } catch (error) {
          told(`${error.message.split("\n")[0]} ${await block.locator("[role=status]").first().textContent()}`);
        }
      }
      if (await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)) problems.push(`${address} (${name}): wider than the screen`);
      problems.push(...(await violations(page, `${address} (${name}, started)`, { inside: ".live" })));
      await page.context().close();
    }
  }
  return { problems, looked };
}
