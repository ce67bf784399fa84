"""Replace words of a query that no document has: by two that are written apart, by longer ones, or by near ones."""

from __future__ import annotations

from dlatlas.search.groups import COMPLETED, NEAR, Alternative, Atom
from dlatlas.search.lexicon import Lexicon
from dlatlas.search.spelling import nearest
from dlatlas.search.stems import stem
from dlatlas.search.stopwords import is_small

APART = 0.95
"""What a word counts that stands for two."""

LONG = 6
"""Letters of a word that may be the beginning of a longer one before the end of the query too."""


def corrected(lexicon: Lexicon, atoms: list[Atom]) -> tuple[list[Atom], dict[str, str]]:
    """The atoms with unknown words replaced, and the words that were replaced by near ones."""
    stems = {atom.stem for atom in atoms if not atom.han}
    known = lexicon.counts(stems).keys() | lexicon.named(stems)
    found: list[Atom] = []
    replaced: dict[str, str] = {}
    for place, atom in enumerate(atoms, 1):
        word = atom.text
        if atom.han or atom.stem in known or len(word) < 4 or not word.isalnum() or is_small(word):
            found.append(atom)
        elif parts := _split(lexicon, word):
            found += (Atom(part, APART) for part in parts)
        elif (place == len(atoms) or len(word) >= LONG) and (longer := lexicon.beginning(word)):
            found.append(Atom(word, more=tuple(Alternative(token, COMPLETED) for token in dict.fromkeys(map(stem, longer)))))
        elif near := nearest(lexicon.database, word):
            replaced[word] = near[0]
            others = dict.fromkeys(stem(other) for other in near[1:])
            found.append(Atom(near[0], NEAR, tuple(Alternative(token, NEAR**2) for token in others)))
        else:
            found.append(atom)
    return found, replaced


def _split(lexicon: Lexicon, word: str) -> list[str]:
    """A word as two known ones that occur in a row, such as batchnorm; the cut nearest to the middle."""
    cuts = [(word[:k], word[k:]) for k in range(2, len(word) - 1)]
    known = lexicon.counts({stem(part) for cut in cuts for part in cut})
    for first, second in sorted(cuts, key=lambda cut: abs(len(cut[0]) - len(cut[1]))):
        if stem(first) in known and stem(second) in known and lexicon.occurs(f'"{stem(first)} {stem(second)}"'):
            return [first, second]
    return []
