// What a reader downloads for a page who has none of it yet: everything that it loads by itself, as it travels, compressed.
import { open } from "./browser.mjs";

export const LIMIT = 600_000;

/** Bytes transferred for a page in a fresh profile, scrolled through once. */
async function transferred(browser, home, address, faults) {
  const page = await open(browser, home, faults);
  const session = await page.context().newCDPSession(page);
  let bytes = 0;
  await session.send("Network.enable");
  session.on("Network.loadingFinished", ({ encodedDataLength }) => { bytes += encodedDataLength; });
  await page.goto(home + address, { waitUntil: "networkidle" });
  await page.evaluate(async () => {
    for (let y = 0; y < document.body.scrollHeight; y += innerHeight) { scrollTo(0, y); await new Promise(requestAnimationFrame); }
  });
  await page.waitForLoadState("networkidle");
  await page.context().close();
  return bytes;
}

/** The heaviest of some pages, and those above the limit. */
export async function weight(browser, home, pages, faults) {
  const sizes = [];
  for (const { address } of pages) sizes.push({ address, bytes: await transferred(browser, home, address, faults) });
  sizes.sort((a, b) => b.bytes - a.bytes);
  const problems = sizes.filter(({ bytes }) => bytes > LIMIT).map(({ address, bytes }) => `${address}: ${bytes} bytes, more than ${LIMIT}`);
  return { problems, heaviest: sizes[0] };
}
