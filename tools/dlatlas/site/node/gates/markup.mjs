// Every page against the HTML standard (html-validate), in as many threads as there are cores.
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { HtmlValidate } from "html-validate";

const CONFIG = {
  root: true,
  extends: ["html-validate:standard"],
  rules: {
    "no-raw-characters": ["error", { relaxed: true }], // the standard lets ">" and unambiguous "&" stand
    "no-trailing-whitespace": "off",
    "void-style": "off",
  },
};

/** Problems of the pages, as `page:line: message [rule]`. */
export async function markup(pages, threads = 2) {
  const shares = Array.from({ length: threads }, (_, i) => pages.filter((_, n) => n % threads === i));
  const found = await Promise.all(shares.filter((share) => share.length).map((share) => new Promise((done, failed) => {
    const files = share.map(({ path, name }) => ({ path, name }));
    new Worker(fileURLToPath(import.meta.url), { workerData: files }).on("message", done).on("error", failed);
  })));
  return found.flat().sort();
}

if (!isMainThread) {
  const validator = new HtmlValidate(CONFIG);
  const problems = [];
  for (const { path, name } of workerData) {
    const report = await validator.validateFile(path);
    for (const { messages } of report.results) for (const m of messages) problems.push(`${name}:${m.line}: ${m.message} [${m.ruleId}]`);
  }
  parentPort.postMessage(problems);
}
