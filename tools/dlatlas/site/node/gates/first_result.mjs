// node first_result.mjs SITE ADDRESS QUERY: milliseconds from the query's last letter to the first result, in a browser that has never seen the site.
import { launch, open } from "./browser.mjs";
import { serve } from "./server.mjs";

const [site, address, query] = process.argv.slice(2);
const server = await serve(site);
const browser = await launch();
try {
  const page = await open(browser, server.url, []);
  await page.goto(server.url + address);
  await page.keyboard.press("/");
  await page.keyboard.insertText(query);
  const start = performance.now();
  await page.locator("#search-results li").first().waitFor({ timeout: 30_000 });
  console.log(performance.now() - start);
} finally {
  await browser.close();
  server.close();
}
