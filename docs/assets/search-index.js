// Reads the static index that dlatlas.site.search_index writes: the files that a query needs, each once.

const ONE = 128; // the byte of a strength of one

export class Index {
  static async open(root) {
    return new Index(root, await json(new URL("index.json", root)));
  }

  constructor(root, { together, steps, filters, words }) {
    Object.assign(this, { root, together, steps, filters, firsts: words });
    this.files = new Map();
    this.read = new Map();
  }

  // The records that hold the words in a row: the strengths of all their occurrences together, by the record's number.
  async look(words, allowed) {
    const lists = await Promise.all(words.map((word) => this.occurrences(word)));
    const found = new Map();
    if (lists.some((list) => !list)) return found;
    if (lists.length === 1) {
      const [{ records, sums }] = lists;
      for (let i = 0; i < records.length; i += 1) if (!allowed || allowed.has(records[i])) found.set(records[i], sums[i]);
      return found;
    }
    const rarest = lists.reduce((one, other) => (other.records.length < one.records.length ? other : one));
    const few = allowed && allowed.size < rarest.records.length;
    const at = lists.map(() => 0);
    next: for (const record of few ? [...allowed].sort((a, b) => a - b) : rarest.records) {
      if (allowed && !allowed.has(record)) continue;
      for (let k = 0; k < lists.length; k += 1) {
        at[k] = seek(lists[k].records, record, at[k]);
        if (lists[k].records[at[k]] !== record) continue next;
      }
      const strength = inRow(lists, at);
      if (strength) found.set(record, strength);
    }
    return found;
  }

  // Fetch what will be asked for, without waiting.
  want(words) {
    for (const word of words) this.occurrences(word).catch(() => {});
  }

  // What is shown of a record.
  async shown(record) {
    const file = Math.floor(record / this.together);
    return (await this.once(`shown/${file}.json`, json))[record % this.together];
  }

  // The numbers of the records with each value of a filter.
  values(filter) {
    return this.filters.includes(filter) ? this.once(`filters/${filter}.json`, json) : {};
  }

  async occurrences(word) {
    let low = 0;
    for (let high = this.firsts.length; high - low > 1;) {
      const middle = (low + high) >> 1;
      if (this.firsts[middle] <= word) low = middle; else high = middle;
    }
    if (!this.firsts.length) return undefined;
    const { bytes, spans } = await this.once(`words/${low}.bin`, wordFile);
    if (!spans.has(word)) return undefined;
    if (!this.read.has(word)) this.read.set(word, decoded(bytes, ...spans.get(word), this.steps));
    return this.read.get(word);
  }

  once(name, read) {
    if (!this.files.has(name)) this.files.set(name, read(new URL(name, this.root)).catch((error) => { this.files.delete(name); throw error; }));
    return this.files.get(name);
  }
}

async function fetched(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer;
}

const json = async (url) => (await fetched(url)).json();

async function wordFile(url) {
  const bytes = new Uint8Array(await (await fetched(url)).arrayBuffer());
  const line = bytes.indexOf(10);
  const spans = new Map();
  let at = line + 1;
  for (const [word, length] of JSON.parse(new TextDecoder().decode(bytes.subarray(0, line)))) spans.set(word, [at, at += length]);
  return { bytes, spans };
}

// Records in order, with the strengths of all their occurrences together; those of the i-th are from starts[i] to starts[i + 1].
function decoded(bytes, at, end, steps) {
  const list = { records: [], sums: [], starts: [0], places: [], strengths: [] };
  const strengths = Array.from({ length: 256 }, (_, byte) => 2 ** ((byte - ONE) / steps));
  const number = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  for (let record = 0; at < end;) {
    record += number();
    let place = 0, sum = 0;
    for (let left = number(); left; left -= 1) {
      list.places.push(place += number());
      const strength = strengths[bytes[at++]];
      list.strengths.push(strength);
      sum += strength;
    }
    list.records.push(record);
    list.sums.push(sum);
    list.starts.push(list.places.length);
  }
  return list;
}

// Where a sorted list reaches a value, from a place on: in growing steps, then between the last two.
function seek(list, value, from) {
  let low = from, step = 1;
  while (list[low + step] < value) { low += step; step *= 2; }
  let high = Math.min(low + step, list.length);
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] < value) low = middle + 1; else high = middle;
  }
  return low;
}

// The strengths of the first word of a phrase where the others follow it, in the record at which each list stands.
function inRow(lists, at) {
  const [first] = lists;
  let sum = 0;
  next: for (let j = first.starts[at[0]]; j < first.starts[at[0] + 1]; j += 1) {
    for (let k = 1; k < lists.length; k += 1) if (!has(lists[k], at[k], first.places[j] + k)) continue next;
    sum += first.strengths[j];
  }
  return sum;
}

function has(list, i, place) {
  for (let j = list.starts[i]; j < list.starts[i + 1]; j += 1) if (list.places[j] === place) return true;
  return false;
}
