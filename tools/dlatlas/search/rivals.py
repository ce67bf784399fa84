"""What the search is measured beside: a scan of the prepared text, and tantivy. Both answer with the best documents that have all words.

python -m dlatlas.search.rivals ENGINE FOLDER QUERY    # prints ids, best first
"""

from __future__ import annotations

import heapq
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from dlatlas.search.tables import FIELDS
from dlatlas.search.text import tokens

BEST = 20


def write_scan(folder: Path, documents: Iterable[tuple[str, list[str]]]) -> Path:
    """One line a document: its id, the tokens of its title and those of all fields."""
    path = folder / "scan.txt"
    with path.open("w", encoding="utf-8") as file:
        for id, fields in documents:
            file.write(f"{id}\t {fields[0]} \t {' '.join(fields)} \n")
    return path


def scan(folder: Path, query: str) -> list[str]:
    """Read every line; a word in the title counts ten times."""
    wanted = [f" {token} " for token in _tokens(query)]
    best: list[tuple[int, int, str]] = []
    with (folder / "scan.txt").open(encoding="utf-8") as file:
        for number, line in enumerate(file):
            id, title, whole = line.split("\t")
            if all(token in whole for token in wanted):
                points = sum(whole.count(token) + 10 * title.count(token) for token in wanted)
                heapq.heappush(best, (points, -number, id))
                if len(best) > BEST:
                    heapq.heappop(best)
    return [id for _, _, id in sorted(best, reverse=True)]


def write_tantivy(folder: Path, documents: Iterable[tuple[str, list[str]]]) -> Path:
    """An index of the same tokens, split at spaces, one field each."""
    import tantivy

    path = folder / "tantivy"
    path.mkdir(parents=True, exist_ok=True)
    schema = tantivy.SchemaBuilder().add_text_field("id", stored=True, tokenizer_name="raw")
    for name in FIELDS:
        schema = schema.add_text_field(name, tokenizer_name="whitespace")
    index = tantivy.Index(schema.build(), path=str(path))
    writer = index.writer(heap_size=256 << 20, num_threads=1)
    for id, fields in documents:
        writer.add_document(tantivy.Document(id=id, **dict(zip(FIELDS, fields, strict=True))))
    writer.commit()
    writer.wait_merging_threads()
    return path


def ask_tantivy(folder: Path, query: str) -> list[str]:
    """All words, in any field; the title counts ten times."""
    import tantivy

    index = tantivy.Index.open(str(folder / "tantivy"))
    searcher = index.searcher()
    must = []
    for token in _tokens(query):
        anywhere = [
            (tantivy.Occur.Should, tantivy.Query.boost_query(tantivy.Query.term_query(index.schema, name, token), boost))
            for name in FIELDS
            for boost in [10.0 if name == "title" else 1.0]
        ]
        must.append((tantivy.Occur.Must, tantivy.Query.boolean_query(anywhere)))
    found = searcher.search(tantivy.Query.boolean_query(must), BEST).hits
    return [str(searcher.doc(address)["id"][0]) for _, address in found]


def _tokens(query: str) -> list[str]:
    """The words of a query, without filters and excluded words."""
    return tokens(re.sub(r'(?<!\S)-\S+|\b[a-z]+:[^/\s]\S*|"', " ", query))


WRITE = {"scan": write_scan, "tantivy": write_tantivy}
ASK = {"scan": scan, "tantivy": ask_tantivy}

if __name__ == "__main__":
    print("\n".join(ASK[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])))
