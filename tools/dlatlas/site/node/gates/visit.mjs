// Load every page once, so that `open` sees each foreign request, failed request and error on the console.
import { open } from "./browser.mjs";

export async function visit(browser, home, pages, faults, tabs = 3) {
  const rest = [...pages];
  const worker = async () => {
    const page = await open(browser, home, faults);
    for (let next = rest.shift(); next; next = rest.shift()) {
      await page.goto(home + next.address, { waitUntil: "load" }).catch((error) => faults.push({ kind: "console", page: next.address, text: error.message }));
    }
    await page.context().close();
  };
  await Promise.all(Array.from({ length: tabs }, worker));
}
