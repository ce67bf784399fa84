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
    const at = lists.map(() => 0);
    const [first, ...rest] = lists;
    for (let i = 0; i < first.records.length; i += 1) {
      const record = first.records[i];
      if (allowed && !allowed.has(record)) continue;
      const everywhere = rest.every((list, k) => {
        while (list.records[at[k]] < record) at[k] += 1;
        return list.records[at[k]] === record;
      });
      if (!everywhere) continue;
      let strength = 0;
      for (let j = first.starts[i]; j < first.starts[i + 1]; j += 1) {
        if (rest.every((list, k) => has(list, at[k], first.places[j] + k + 1))) strength += first.strengths[j];
      }
      if (strength) found.set(record, strength);
    }
    return found;
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

// Records in order; the occurrences of the i-th are those from starts[i] to starts[i + 1].
function decoded(bytes, at, end, steps) {
  const list = { records: [], starts: [0], places: [], strengths: [] };
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
    let place = 0;
    for (let left = number(); left; left -= 1) {
      list.places.push(place += number());
      list.strengths.push(2 ** ((bytes[at++] - ONE) / steps));
    }
    list.records.push(record);
    list.starts.push(list.places.length);
  }
  return list;
}

function has(list, i, place) {
  for (let j = list.starts[i]; j < list.starts[i + 1]; j += 1) if (list.places[j] === place) return true;
  return false;
}
