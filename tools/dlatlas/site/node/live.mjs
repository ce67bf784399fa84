// Run the files named in FOLDER/jobs.json in Chromium, with the scripts in FOLDER/live, and write FOLDER/answers.json.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { launch, open } from "./gates/browser.mjs";
import { serve } from "./gates/server.mjs";

const folder = process.argv[2];
const jobs = JSON.parse(readFileSync(join(folder, "jobs.json"), "utf8"));
const site = await serve(folder);
const browser = await launch();
try {
  const faults = [];
  const page = await open(browser, site.url, faults);
  await page.goto(site.url);
  const files = await page.evaluate(async (jobs) => {
    const { load } = await import("./live/runtime.js");
    const answers = {};
    for (const [file, draws] of Object.entries(jobs)) {
      const run = await load(file);
      answers[file] = [];
      for (const inputs of draws) {
        const fed = Object.fromEntries(Object.entries(inputs).map(([name, { type, dims, data }]) => [name, { data, dims, type }]));
        const outputs = await run(fed);
        answers[file].push(Object.fromEntries(Object.entries(outputs).map(([name, { data, dims }]) => [name, { data: Array.from(data), dims }])));
      }
    }
    return answers;
  }, jobs);
  if (faults.length) throw new Error(faults.map(({ kind, text }) => `${kind}: ${text}`).join("\n"));
  writeFileSync(join(folder, "answers.json"), JSON.stringify({ browser: `Chromium ${browser.version()}`, files }));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await browser.close();
  site.close();
}
