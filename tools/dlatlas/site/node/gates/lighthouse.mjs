// Lighthouse on a page, with its default phone and network. A busy machine only ever lowers a score, so that the best of a few runs counts.
import { launch } from "chrome-launcher";
import lighthouse from "lighthouse";
import { executable, FLAGS } from "./browser.mjs";

export const LEAST = 95;
const RUNS = 5;
const CATEGORIES = ["performance", "accessibility", "best-practices", "seo"];

/** Scores of some addresses, best of at most five runs each, and what is below the least score. */
export async function scores(home, addresses) {
  const chrome = await launch({ chromePath: executable(), chromeFlags: ["--headless", ...FLAGS] });
  const found = {};
  const problems = [];
  try {
    for (const address of addresses) {
      const best = (found[address] = Object.fromEntries(CATEGORIES.map((name) => [name, 0])));
      let lost = [];
      for (let run = 0; run < RUNS && CATEGORIES.some((name) => best[name] < LEAST); run += 1) {
        const { lhr } = await lighthouse(home + address, { port: chrome.port, output: "json", logLevel: "error", onlyCategories: CATEGORIES });
        if (lhr.runtimeError) throw new Error(`Lighthouse on ${address}: ${lhr.runtimeError.message}`);
        for (const name of CATEGORIES) best[name] = Math.max(best[name], Math.round(100 * lhr.categories[name].score));
        lost = CATEGORIES.flatMap((name) => lhr.categories[name].auditRefs.filter(({ id, weight }) => weight && lhr.audits[id].score !== null && lhr.audits[id].score < 0.9)
          .map(({ id }) => `${name}: ${lhr.audits[id].title} ${lhr.audits[id].displayValue ?? ""}`.trim()));
      }
      const below = CATEGORIES.filter((name) => best[name] < LEAST);
      if (below.length) problems.push(`${address}: ${below.map((name) => `${name} ${best[name]}`).join(", ")}, less than ${LEAST} (${lost.join("; ")})`);
    }
  } finally {
    await chrome.kill();
  }
  return { problems, scores: found };
}
