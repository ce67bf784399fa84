// What no page and no script can use is left out of the style sheets; of the theme's rules that is most.
import { PurgeCSS } from "purgecss";

const TAG = /<[a-z](?:"[^"]*"|'[^']*'|[^>"'])*>/gi;
const SCRIPT = /<script\b[^>]*>[^]*?<\/script>/gi;
const words = (text) => text.match(/[\w-]+/g) ?? [];

/** The words by which a site can use a rule: those in its tags and scripts. */
export class Words {
  #found = new Set();

  page(html) {
    for (const part of [...(html.match(TAG) ?? []), ...(html.match(SCRIPT) ?? [])]) this.script(part);
  }

  script(text) {
    for (const word of words(text)) {
      this.#found.add(word);
      // what a script calls dataset.mdLevel, a rule calls [data-md-level]
      if (/^[a-z]+[A-Z]/.test(word)) this.#found.add(`data-${word.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
    }
  }

  /** The style sheet without the rules of which a word is not among them. */
  async prune(css) {
    const content = [{ raw: [...this.#found].join(" "), extension: "html" }];
    const [result] = await new PurgeCSS().purge({ content, css: [{ raw: css }], defaultExtractor: words });
    return result.css;
  }
}
