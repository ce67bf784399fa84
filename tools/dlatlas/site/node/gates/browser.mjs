// Chromium as the gates use it, and what its pages do wrong: foreign requests, failed requests, errors on the console.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
export const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

/** Path of the browser: $CHROME_PATH, else the first of the usual names on the search path. */
export function executable() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const candidates = process.env.CHROME_PATH ? [process.env.CHROME_PATH] : NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  for (const path of candidates) {
    try { accessSync(path, constants.X_OK); return path; } catch { /* the next one */ }
  }
  throw new Error(`no Chromium: install one (apt-get install chromium) or name it in CHROME_PATH; looked for ${NAMES.join(", ")}`);
}

export const launch = () => chromium.launch({ executablePath: executable(), args: FLAGS });

/** A page in a fresh profile; what goes wrong on it is added to `faults`, as {kind, page, text}. */
export async function open(browser, home, faults, options = {}) {
  const context = await browser.newContext({ colorScheme: "light", reducedMotion: "reduce", viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const host = new URL(home).host;
  const add = (kind, text) => faults.push({ kind, page: page.url().replace(home, ""), text });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (!["data:", "blob:"].includes(url.protocol) && url.host !== host) add("foreign", request.url());
  });
  page.on("response", (answer) => { if (answer.status() >= 400) add("console", `${answer.status()} ${answer.url().replace(home, "")}`); });
  page.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText;
    if (reason !== "net::ERR_ABORTED") add("console", `${reason} ${request.url().replace(home, "")}`); // a page left early aborts what it loads
  });
  page.on("console", (message) => { if (message.type() === "error") add("console", message.text()); });
  page.on("pageerror", (error) => add("console", error.message));
  return page;
}
