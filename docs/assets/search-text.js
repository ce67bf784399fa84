// Text prepared as dlatlas.search.text prepares it, by the same rules: what the records of the search index are made of.

const HAN = "\\u3400-\\u9fff";
const WORD = `(?:(?![${HAN}])[\\p{L}\\p{N}])`;
const UNIT = new RegExp(`([${HAN}]+)|(${WORD}+(?:[-'+#]${WORD}+)*\\+{0,2}#?)`, "gu");
const MARKS = /[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]/g;

export const isHan = (unit) => unit[0] >= "\u3400" && unit[0] <= "\u9fff";

// Overlapping pairs of a Chinese run; a single character stands for itself.
export const pairs = (run) => (run.length < 2 ? [run] : [...run.slice(1)].map((character, i) => run[i] + character));

export const unitTokens = (unit) => (isHan(unit) ? pairs(unit) : [unit]);

// A word that stands for a whole name or address: FNV-1a of its UTF-8.
export function hashed(kind, name) {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(`${kind}:${name}`)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return `${kind}0${value.toString(16).padStart(8, "0")}`;
}

export class Preparer {
  constructor(rules) {
    this.characters = new Map(Object.entries(rules.characters));
    this.regional = rules.regional;
    const longestFirst = Object.keys(rules.regional).sort((a, b) => b.length - a.length);
    this.variants = new RegExp(longestFirst.join("|"), "g");
    const compiled = (list) => list.map(([pattern, plain]) => [new RegExp(pattern, "g"), plain]);
    this.american = compiled(rules.american);
    this.derived = compiled(rules.derived);
    this.irregular = new Map(Object.entries(rules.irregular));
    this.stems = new Map();
  }

  // Compatibility forms, case, accents and Chinese variants folded into one.
  normalize(text) {
    const plain = text.normalize("NFKD").toLowerCase().replace(MARKS, "").normalize("NFC");
    const simple = Array.from(plain, (character) => this.characters.get(character) ?? character).join("");
    return simple.replace(this.variants, (variant) => this.regional[variant]);
  }

  // The words, hyphenated ones by their parts, and Chinese runs of a text, as they are spelled.
  words(text) {
    return [...this.normalize(text).matchAll(UNIT)].flatMap(([, han, word]) => (han ? [han] : parts(word)));
  }

  units(text) {
    return this.words(text).map((word) => this.stem(word));
  }

  squash(text) {
    return this.units(text).join("");
  }

  stem(word) {
    if (!this.stems.has(word)) this.stems.set(word, this.stemmed(word));
    return this.stems.get(word);
  }

  stemmed(word) {
    if (this.irregular.has(word)) return this.irregular.get(word);
    if (word.length < 4 || !/^[a-z]+$/.test(word)) return word;
    if (word.length > 4) for (const [pattern, plain] of this.american) word = word.replace(pattern, plain);
    word = uninflected(word);
    if (word.length > 5) for (const [pattern, plain] of this.derived) word = word.replace(pattern, plain);
    if (word.length > 3) word = word.replace(/e$/, "");
    return word.length > 3 && word.at(-1) === word.at(-2) ? word.slice(0, -1) : word;
  }
}

function parts(word) {
  return word.replace(/'s$|'/g, "").split("-").filter(Boolean);
}

// The word without the endings of plurals and verbs.
function uninflected(word) {
  if (word.endsWith("ies") && word.length > 4) word = `${word.slice(0, -3)}y`;
  else if (/(?:ss|x|z|ch|sh)es$/.test(word)) word = word.slice(0, -2);
  else if (word.endsWith("s") && !/(?:ss|us|is)$/.test(word)) word = word.slice(0, -1);
  for (const suffix of ["ing", "ed"]) {
    const rest = word.slice(0, -suffix.length);
    if (word.endsWith(suffix) && rest.length >= 3 && /[aeiouy]/.test(rest)) {
      word = rest;
      break;
    }
  }
  return word.length > 3 ? word.replace(/e$/, "") : word;
}
