// node search.mjs RECORDS FOLDER: index the records, one JSON object a line with url and html, into a Pagefind bundle.
import { createReadStream, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { close, createIndex } from "pagefind";

const [records, folder] = process.argv.slice(2);
const problems = [];
const { index, errors } = await createIndex({ forceLanguage: "en" });
problems.push(...errors);

if (index) {
  for await (const line of createInterface({ input: createReadStream(records, "utf8") })) {
    const { url, html } = JSON.parse(line);
    const added = await index.addHTMLFile({ url, content: html });
    problems.push(...added.errors.map((error) => `${url}: ${error}`));
  }
  problems.push(...(await index.writeFiles({ outputPath: folder })).errors);
  // Pagefind's own interfaces are not used
  for (const name of readdirSync(folder)) if (/^pagefind-.*(?:ui|highlight)\.(?:js|css)$/.test(name)) rmSync(join(folder, name));
}
await close();
if (problems.length) {
  console.error(problems.join("\n"));
  process.exit(1);
}
