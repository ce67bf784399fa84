// What a topic page offers beside reading, by keyboard alone: marks of equations, figures, commands to copy.

/** Stories as `(page, where, keys)`; `keys` holds `check`, `tabTo` and `focused` of keyboard.mjs. */
export const TOPIC_STORIES = {
  "mark of an equation": async (page, { home, lang }, { check, tabTo }) => {
    await page.goto(`${home}${lang}/training/normalization/`);
    await tabTo(page, ".mark > summary", "#equations");
    await page.keyboard.press("Enter");
    const panel = page.locator(".mark[open] .mark-panel").first();
    await panel.waitFor({ timeout: 3000 });
    const link = panel.locator("a").first();
    const target = await link.getAttribute("href");
    await tabTo(page, ".mark-panel a", null, 2);
    await page.keyboard.press("Enter");
    check(await page.locator(`[id="${target.slice(1)}"]`).isVisible(), "the link of a mark does not open the check's row");
  },
  "optimizer paths": async (page, { home, lang }, { check, tabTo }) => {
    await page.goto(`${home}${lang}/training/optimizers/`);
    const visible = () => page.locator(".f-paths .f-option:visible svg").getAttribute("aria-labelledby");
    const first = await visible();
    await tabTo(page, ".f-paths input[type=range]", "#figure-optimizer-paths");
    await page.keyboard.press("Home");
    const points = () => page.locator(".f-paths .f-option:visible .f-path").first().evaluate((line) => line.getAttribute("points").split(" ").length);
    check((await points()) === 2, `the slider at its start leaves ${await points()} points; expected 2`);
    await page.keyboard.press("End");
    check((await points()) > 100, "the slider at its end does not show the whole path");
    await tabTo(page, ".f-paths input[type=radio]", null, 3);
    await page.keyboard.press("ArrowRight");
    check((await visible()) !== first, "the arrow keys do not choose another surface");
    const paths = () => page.locator(".f-paths .f-option:visible .f-path:visible").count();
    const all = await paths();
    await page.locator(".f-paths input[type=checkbox]").first().press("Space");
    check((await paths()) === all - 1, "a check box does not hide its path");
  },
  "convolution step by step": async (page, { home, lang }, { check, tabTo }) => {
    await page.goto(`${home}${lang}/convolution/convolution-arithmetic/`);
    const marked = (kind) => page.locator(`.f-option:visible .${kind}`).evaluateAll((cells) => cells.flatMap((cell, i) => (cell.classList.contains("f-on") ? [i] : [])));
    const before = await marked("f-in");
    await tabTo(page, ".f-conv input[type=range]", "#figure-convolution-arithmetic");
    await page.keyboard.press("ArrowRight");
    check((await marked("f-out")).join() === "1", "one step on does not mark the second output");
    const after = await marked("f-in");
    check(after.length === before.length && after.every((cell, i) => cell === before[i] + 1), "one step on does not move the inputs by one");
    await tabTo(page, '.f-conv [data-step="1"]', null, 2);
    await page.keyboard.press("Enter");
    check((await marked("f-out")).join() === "2", "the button does not step on");
  },
  "dots of the timeline": async (page, { home, lang }, { check, tabTo, focused }) => {
    await page.goto(`${home}${lang}/training/`);
    await tabTo(page, "a.t-dot", ".f-timeline", 12);
    const here = await page.evaluate(() => document.activeElement.getAttribute("href"));
    await page.keyboard.press("ArrowRight");
    const there = await page.evaluate(() => document.activeElement.getAttribute("href"));
    check((await focused(page, "a.t-dot")) && here !== there, "the arrow keys do not move from dot to dot");
    await Promise.all([page.waitForURL((url) => url.href === new URL(there, `${home}${lang}/training/`).href), page.keyboard.press("Enter")]);
  },
  "permanent links": async (page, { home, lang }, { check }) => {
    await page.emulateMedia({ reducedMotion: "no-preference" });
    const address = `${home}${lang}/training/optimizers/`;
    await page.goto(address);
    const rows = await page.locator(".edition-row").evaluateAll((found) => found.map((row) => row.id));
    for (const id of [rows[Math.floor(rows.length / 2)], "figure-optimizer-paths", "reading"]) {
      await page.goto("about:blank");
      await page.goto(`${address}#${id}`);
      await page.waitForTimeout(800);
      const top = await page.locator(`[id="${id}"]`).evaluate((target) => target.getBoundingClientRect().top);
      check(top > -1 && top < 200, `#${id} stands ${Math.round(top)} px from the top of the window`);
    }
  },
  "copy a command": async (page, { home, lang }, { check, tabTo }) => {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto(`${home}${lang}/training/optimizers/`);
    await tabTo(page, ".commands .copy-code", "#run");
    await page.keyboard.press("Enter");
    await page.waitForTimeout(300);
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    const shown = await page.locator(".commands pre > code").first().evaluate((code) => code.textContent);
    check(copied === shown && copied.startsWith("pip install"), `copied is ${JSON.stringify(copied)}, shown is ${JSON.stringify(shown)}`);
  },
  "copy a file and a BibTeX record": async (page, { home, lang }, { check, tabTo }) => {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto(`${home}${lang}/training/optimizers/`);
    await page.locator(".copy-file").first().press("Enter");
    await page.waitForTimeout(600);
    check((await page.evaluate(() => navigator.clipboard.readText())).includes("from __future__ import annotations"), "the button does not copy the file");
    await tabTo(page, ".bibtex > summary", "#reading");
    await page.keyboard.press("Enter");
    await tabTo(page, ".bibtex .copy-code", null, 3);
    await page.keyboard.press("Enter");
    await page.waitForTimeout(300);
    check(/^@\w+\{[\w-]+,\n/.test(await page.evaluate(() => navigator.clipboard.readText())), "the button does not copy a BibTeX record");
  },
};
