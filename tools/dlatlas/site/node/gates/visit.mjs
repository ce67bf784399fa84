// Load every page once on a phone's screen, so that `open` sees each foreign request, failed request and error on the console;
// a page that is wider than the screen is a fault too.
import { open } from "./browser.mjs";

const PHONE = { width: 390, height: 844 };

export async function visit(browser, home, pages, faults, tabs = 3) {
  const rest = [...pages];
  const worker = async () => {
    const page = await open(browser, home, faults);
    await page.setViewportSize(PHONE);
    for (let next = rest.shift(); next; next = rest.shift()) {
      await page.goto(home + next.address, { waitUntil: "load" }).catch((error) => faults.push({ kind: "console", page: next.address, text: error.message }));
      const wide = await page.evaluate(() => document.documentElement.scrollWidth).catch(() => 0);
      if (wide > PHONE.width) faults.push({ kind: "width", page: next.address, text: `${wide} px wide on a screen of ${PHONE.width}` });
    }
    await page.context().close();
  };
  await Promise.all(Array.from({ length: tabs }, worker));
}
