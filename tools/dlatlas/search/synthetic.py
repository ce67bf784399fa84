"""Made-up documents in any number, for measuring: the words, lengths and filters of a real catalog, mixed anew.

Each field is strung together from short runs of words of real entries, so that frequent words and
phrases stay as frequent; every few runs a made-up word joins, few of them often and most of them
hardly ever, so that the vocabulary grows with the number of documents as that of real text does.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

from dlatlas.search.documents import Document

RUN = 4
"""Words in a row that come from one entry."""

INVENTED = 0.06
"""Share of runs that a made-up word joins."""

SYLLABLES = ("ba", "co", "de", "fi", "gu", "ha", "ki", "lo", "me", "nu", "pa", "ro", "si", "ta", "vu", "zen")

PIECE = re.compile(r"[\u3400-\u9fff]{1,6}|[^\s\u3400-\u9fff]+")


def synthetic(real: Sequence[Document], count: int, seed: int = 0) -> Iterator[Document]:
    """``count`` made-up entries after the manner of ``real``; the same for the same arguments."""
    rng = random.Random(seed)
    entries = [document for document in real if document.type not in ("topic", "method")]
    mixers = {
        name: _Mixer([PIECE.findall(document.fields.get(name, "")) for document in entries], rng)
        for name in ("title", "authors", "venue", "related", "note", "address")
    }
    for number in range(count):
        model = entries[rng.randrange(len(entries))]
        id = f"synthetic-{number}"
        arxiv = f"{10 + number % 90}{1 + number // 90 % 12:02}.{number // 1080:05}"
        title = mixers["title"].text()
        fields = {name: mixer.text() for name, mixer in mixers.items() if name != "title"}
        yield Document(
            id=id,
            type=model.type,
            lang=model.lang,
            title={"en": title},
            topics=model.topics,
            urls=(f"https://arxiv.org/abs/{arxiv}",),
            fields={**fields, "title": title, "aliases": f"{id} {arxiv}", "topics": model.fields["topics"]},
            names=((id, 80.0), (title, 80.0)),
            keys=(f"arxiv:{arxiv}",),
            facets=model.facets,
            prior=model.prior,
        )


class _Mixer:
    """Strings one field together."""

    def __init__(self, texts: list[list[str]], rng: random.Random) -> None:
        self.lengths = [len(text) for text in texts]
        self.runs = [text[i : i + RUN] for text in texts for i in range(0, len(text), RUN)] or [[""]]
        self.rng = rng

    def text(self) -> str:
        random = self.rng.random
        words: list[str] = []
        wanted = self.lengths[int(random() * len(self.lengths))]
        while len(words) < wanted:
            words += self.runs[int(random() * len(self.runs))]
            if random() < INVENTED:
                words.append(_invented(int(self.rng.paretovariate(0.5))))
        return " ".join(words)


def _invented(number: int) -> str:
    """A word for a number."""
    word = ""
    number %= 1 << 24
    while number or len(word) < 4:
        word += SYLLABLES[number % 16]
        number //= 16
    return word
