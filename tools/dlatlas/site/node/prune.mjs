// What no page and no script can use is left out of the style sheets; of the theme's rules that is most.
import postcss from "postcss";
import selectors from "postcss-selector-parser";

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

  /** The style sheet without comments and without the rules that need another word. */
  prune(css) {
    const sheet = postcss.parse(css);
    sheet.walkComments((comment) => void comment.remove());
    sheet.walkRules((rule) => {
      if (rule.parent.name?.endsWith("keyframes")) return;
      const kept = rule.selectors.filter((selector) => this.#fits(selector));
      if (!kept.length) rule.remove();
      else if (kept.length < rule.selectors.length) rule.selectors = kept;
    });
    sheet.walkAtRules((rule) => void (rule.nodes?.length === 0 && rule.remove()));
    return sheet.toString();
  }

  /** Whether every name in a selector is used; what stands in brackets, as in :is() and :not(), is not looked at. */
  #fits(selector) {
    return selectors().astSync(selector).first.every((node) => {
      if (node.type === "attribute") return this.#has(node.attribute) && (node.operator !== "=" || this.#has(node.value));
      return !["class", "id", "tag"].includes(node.type) || this.#has(node.value);
    });
  }

  /** Whether a name is used; one that is not a single word may be. */
  #has(name) {
    return this.#found.has(name) || /[^\w-]/.test(name);
  }
}
