// Finds and ranks records as dlatlas search does documents: each word or name of the query is looked up in the index on its own,
// rare ones count more, what lacks one loses its share, whole names and addresses stand first.

import { hashed, isHan, pairs, unitTokens } from "./search-text.js";

const PART = /((?<!\S)[-−])?(?:([A-Za-z]+)[:：])?(?:"([^"]*)"?|([^\s"]+))/g;
const FILTERS = new Set(["type", "topic", "area", "lang", "level", "year", "framework", "has"]);
const LONGEST = 400;
const LOADED = 16; // results whose prior is known before the last sorting
const SYNONYM = 0.85, COMPLETED = 0.5, NEAR = 0.7, ADJACENT = 0.35, PAGE = 0.4, NAMED = 3000, ENOUGH = 0.35;

export class Finder {
  // words: a function that fetches the known words, most frequent first
  constructor(index, preparer, rules, words) {
    Object.assign(this, { index, preparer, rules, words });
    this.names = new Set(rules.names);
    this.functionWords = new Set(rules.functionWords);
    this.functionRuns = new RegExp(rules.functionRuns);
    this.looked = new Map();
  }

  async find(text, limit) {
    const query = this.parse(text.slice(0, LONGEST));
    this.allowed = await this.allowedBy(query.filters);
    this.looked.clear();
    const whole = await this.keyed(text);
    if (whole.size) return this.told(whole, [], {}, limit);
    const corrected = {};
    this.index.want([...query.words.flatMap((word) => (isHan(word) ? pairs(word) : [this.preparer.stem(word)])), ...query.phrases.flat()]);
    const groups = await this.groups(query.words, corrected);
    const points = await this.scored(groups);
    for (const phrase of query.phrases) {
      const found = await this.look(phrase);
      for (const id of points.keys()) if (!found.has(id)) points.delete(id);
      if (!groups.length) for (const [id, score] of found) points.set(id, score);
    }
    for (const [id, score] of query.phrases.length ? [] : await this.named(query.words.map((word) => corrected[word] ?? word))) points.set(id, score + (points.get(id) ?? 0));
    if (!query.words.length && !query.phrases.length) for (const id of this.allowed ?? []) points.set(id, 0);
    for (const tokens of query.excluded) for (const id of (await this.look(tokens)).keys()) points.delete(id);
    const terms = [...groups.flatMap((group) => group.terms), ...query.phrases.flat()];
    return this.told(points, terms, corrected, limit);
  }

  parse(text) {
    const query = { words: [], phrases: [], excluded: [], filters: [] };
    for (const [, minus, field, phrase, word] of text.replace(/[“”„«»「」『』]/g, '"').matchAll(PART)) {
      const name = field?.toLowerCase();
      const body = phrase ?? word;
      if (FILTERS.has(name) && !minus && body.trim()) { query.filters.push([name, body]); continue; }
      const all = name && !FILTERS.has(name) ? `${field} ${body}` : body;
      const tokens = this.preparer.units(all).flatMap(unitTokens);
      if (!tokens.length) continue;
      if (minus) query.excluded.push(tokens);
      else if (phrase !== undefined) query.phrases.push(tokens);
      else query.words.push(...this.preparer.words(all));
    }
    return query;
  }

  // The records that pass all filters; undefined without a filter.
  async allowedBy(given) {
    const sets = await Promise.all(given.map(async ([name, body]) => {
      const known = await this.index.values(name);
      return new Set(body.split(",").flatMap((value) => valuesOf(Object.keys(known), value)).flatMap((value) => known[value] ?? []));
    }));
    return sets.length ? new Set([...sets[0]].filter((id) => sets.every((set) => set.has(id)))) : undefined;
  }

  // Records that hold the tokens in a row, and how strongly.
  look(tokens) {
    const phrase = tokens.join(" ");
    if (!this.looked.has(phrase)) this.looked.set(phrase, this.index.look(tokens, this.allowed));
    return this.looked.get(phrase);
  }

  async known(word) {
    return (await this.look([this.preparer.stem(word)])).size > 0;
  }

  // Groups: each is one thing that is asked for, in the ways a record may say it.
  async groups(words, corrected) {
    const groups = [];
    const all = words.flatMap((word) => (isHan(word) ? word.split(this.functionRuns).filter(Boolean) : this.functionWords.has(word) ? [] : [word]));
    const asked = all.length ? all : words;
    for (let i = 0; i < asked.length; i += 1) {
      if (isHan(asked[i])) { for (const run of await this.segments(asked[i])) groups.push(group([pairs(run)], [run])); continue; }
      const ways = await this.ways(asked[i], corrected);
      for (const beside of [asked[i - 1] && asked[i - 1] + asked[i], asked[i + 1] && asked[i] + asked[i + 1]]) {
        if (beside && !isHan(beside) && !isHan(beside.at(-1)) && await this.known(beside)) ways.push({ tokens: [this.preparer.stem(beside)], quality: SYNONYM });
      }
      groups.push({ ways, terms: ways.flatMap((way) => way.tokens) });
    }
    return groups;
  }

  // A word, or what it begins or may be a misspelling of where no record has it.
  async ways(word, corrected) {
    const own = [{ tokens: [this.preparer.stem(word)], quality: 1 }];
    if (word.length < 4 || !/^[a-z]{3}[a-z0-9]*$/.test(word) || await this.known(word)) return own;
    const known = await this.words();
    for (const cut of cuts(word)) {
      const tokens = cut.map((part) => this.preparer.stem(part));
      if (cut.every((part) => known.includes(part)) && (await this.look(tokens)).size) return [{ tokens, quality: 0.95 }];
    }
    const completed = known.filter((other) => other.startsWith(word)).slice(0, 12);
    const near = completed.length ? [] : nearest(word, known);
    if (near.length) corrected[word] = near[0];
    const found = completed.length ? completed.map((other) => [other, COMPLETED]) : near.map((other, i) => [other, i ? NEAR ** 2 : NEAR]);
    return found.length ? found.map(([other, quality]) => ({ tokens: [this.preparer.stem(other)], quality })) : own;
  }

  // The names in a Chinese run, longest first, and what stands between them as far as any record has it.
  async segments(run) {
    const found = [];
    let rest = "";
    const flush = async () => { found.push(...await this.parts(rest)); rest = ""; };
    for (let i = 0; i < run.length;) {
      let end = Math.min(run.length, i + 16);
      while (end > i + 1 && !this.names.has(run.slice(i, end))) end -= 1;
      if (end > i + 1) { await flush(); found.push(run.slice(i, end)); i = end; } else rest += run[i++];
    }
    await flush();
    return found.some((part) => part.length > 1) ? found.filter((part) => part.length > 1) : found;
  }

  async parts(run) {
    if (!run) return [];
    for (let end = run.length; end > 1; end -= 1) {
      if ((await this.look(pairs(run.slice(0, end)))).size) return [run.slice(0, end), ...await this.parts(run.slice(end))];
    }
    return run.length > 1 ? this.parts(run.slice(1)) : [run];
  }

  async scored(groups) {
    const points = new Map();
    const counted = [];
    for (const one of groups) {
      let best = await this.look(one.ways[0].tokens);
      if (one.ways.length > 1 || one.ways[0].quality !== 1) {
        best = new Map();
        for (const { tokens, quality } of one.ways) for (const [id, score] of await this.look(tokens)) best.set(id, Math.max(best.get(id) ?? 0, quality * score));
      }
      counted.push({ best, weight: Math.log(1 + (this.rules.documents - best.size + 0.5) / (best.size + 0.5)) });
    }
    const total = counted.reduce((sum, { weight }) => sum + weight, 0) || 1;
    let left = total;
    for (const { best, weight } of [...counted].sort((a, b) => b.weight - a.weight)) {
      // what only the rest of the query is found in lacks too much of it
      const found = left / total < ENOUGH ? [...points.keys()].filter((id) => best.has(id)) : best.keys();
      for (const id of found) {
        const one = points.get(id) ?? { sum: 0, share: 0 };
        const strength = best.get(id) / (this.rules.saturation + best.get(id));
        points.set(id, { sum: one.sum + this.rules.points * weight * strength, share: one.share + weight / total });
      }
      left -= weight;
    }
    const candidates = new Set(points.keys());
    for (let i = 1; i < groups.length; i += 1) {
      const together = await this.index.look([...groups[i - 1].ways[0].tokens, ...groups[i].ways[0].tokens], candidates);
      const bonus = ADJACENT * this.rules.points * Math.min(counted[i - 1].weight, counted[i].weight);
      for (const id of together.keys()) points.get(id).sum += bonus;
    }
    const enough = [...points.values()].filter((one) => one.share > 0.99).length >= 5;
    const kept = [...points].filter(([, { share }]) => share >= (enough ? 0.99 : ENOUGH));
    return new Map(kept.map(([id, { sum, share }]) => [id, sum * share]));
  }

  // Records whose name the query is; those of greater weight first.
  async named(words) {
    const short = words.filter((word) => !this.functionWords.has(word));
    const stemmed = (list) => list.map((word) => this.preparer.stem(word)).join("");
    const names = new Map([...(words.some(isHan) ? [] : [this.preparer.stem(short.join(""))]), stemmed(short)].map((name) => [name, short.length < words.length ? this.rules.withoutSmall : 1]));
    names.set(stemmed(words), 1);
    const found = new Map();
    for (const [name, worth] of names) {
      const hits = name ? await this.look([hashed("name", name)]) : new Map();
      const most = greatest(hits.values());
      for (const [id, score] of hits) found.set(id, Math.max(found.get(id) ?? 0, worth * NAMED * (score / most)));
    }
    return found;
  }

  async keyed(text) {
    for (const key of keys(text.trim())) {
      const found = await this.look([hashed("key", key)]);
      if (found.size) return found;
    }
    return new Map();
  }

  async told(points, terms, corrected, limit) {
    const sorted = [...points].sort(([a, one], [b, other]) => other - one || a - b);
    const loaded = await Promise.all(sorted.slice(0, Math.max(LOADED, limit)).map(async ([id, score]) => {
      const meta = await this.index.shown(id);
      return { ...meta, score: (meta.type === "page" ? PAGE : 1) * score + this.rules.prior * Number(meta.prior ?? 0) };
    }));
    const results = loaded.sort((a, b) => b.score - a.score || Number(b.prior) - Number(a.prior)).slice(0, limit);
    return { results, total: points.size, corrected, terms: [...new Set(terms)] };
  }
}

function greatest(numbers) {
  let most = 0;
  for (const number of numbers) most = Math.max(most, number);
  return most;
}

const group = (all, terms) => ({ ways: all.map((tokens) => ({ tokens, quality: 1 })), terms });

// The values that one value of a filter stands for: itself, or the years of a range.
function valuesOf(known, value) {
  const range = /^(\d{4})?\.\.(\d{4})?$/.exec(value);
  return range ? known.filter((year) => year >= (range[1] ?? "") && year <= (range[2] ?? "9999")) : [value.toLowerCase()];
}

// A word in two, the most even cut first.
function cuts(word) {
  const found = [];
  for (let k = 2; k < word.length - 1; k += 1) found.push([word.slice(0, k), word.slice(k)]);
  return found.sort((a, b) => Math.abs(a[0].length - a[1].length) - Math.abs(b[0].length - b[1].length));
}

// Known words within one or two edits, nearest first, then those with the same first letter, then the most frequent.
function nearest(word, known) {
  const limit = word.length < 6 ? 1 : 2;
  const near = known.map((other, place) => ({ other, place, far: Math.abs(other.length - word.length) <= limit && other.length > 3 ? distance(word, other) : 99 }));
  const plausible = (other, far) => (word.length === 4 ? sortedLetters(other) === sortedLetters(word) : far < 2 || other[0] === word[0]);
  const sorted = near.filter(({ other, far }) => far <= limit && plausible(other, far)).sort((a, b) => a.far - b.far || (a.other[0] !== word[0]) - (b.other[0] !== word[0]) || a.place - b.place);
  return sorted.slice(0, 3).map(({ other }) => other);
}

const sortedLetters = (word) => [...word].sort().join("");

// Insertions, deletions, substitutions and swaps of neighbors.
function distance(a, b) {
  let earlier = [], before = [], row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    [earlier, before, row] = [before, row, [i]];
    for (let j = 1; j <= b.length; j += 1) {
      let cost = Math.min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a[i - 1] !== b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, earlier[j - 2] + 1);
      row.push(cost);
    }
  }
  return row.at(-1);
}

// Keys of the work that a text is an address or identifier of, as dlatlas.catalog.keys writes them.
function keys(text) {
  const found = [];
  const add = (kind, match) => match && found.push(`${kind}:${match[1].toLowerCase()}`);
  add("arxiv", /^(?:.*(?:arxiv|ar5iv)[^\s]*?[:/.]\s*|abs\/|pdf\/)?(\d{4}\.\d{4,5}|[a-z]+(?:-[a-z]+)?\/\d{7})(?:v\d+)?(?:\.pdf)?$/i.exec(text));
  const doi = /(10\.\d{4,9}\/\S+)$/.exec(text);
  add("arxiv", doi && /10\.48550\/arxiv\.(.+)/i.exec(doi[1]));
  add("doi", doi);
  add("github", /^(?:(?:https?:\/\/|git@)?(?:www\.)?github\.com[/:]+)?([\w.-]+\/+[\w.-]+?)(?:\.git)?(?:[/?#].*)?$/i.exec(text));
  const review = /openreview\.net\/\w+\?.*?id=([\w-]+)/.exec(text);
  if (review) found.push(`openreview:${review[1]}`);
  const isbn = text.replace(/^isbn[:\s]*/i, "").replace(/[\s-]/g, "");
  if (/^(?:97[89])?\d{9}[\dXx]$/.test(isbn)) found.push(`isbn:${isbn.toUpperCase()}`);
  const url = /^(?:https?:\/\/)?(?:www\.)?([\w.-]+\.[a-z]{2,}\/\S*)$/i.exec(text);
  if (url) found.push(url[1].replace(/#.*$/, "").replace(/\/+$/, ""));
  return found;
}
