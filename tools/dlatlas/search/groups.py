"""What a query asks for: groups of alternatives, of which a document should have one each."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from dlatlas.search.stems import stem
from dlatlas.search.text import is_han

EXACT, SYNONYM, BROADER, PARTS, COMPLETED, NEAR = 1.0, 0.85, 0.5, 0.5, 0.5, 0.7
"""What a match counts: as asked, by another expression, by a part of one (kernel for convolution kernel), by its parts apart, by the
beginning of a word, by a near spelling."""


@dataclass(frozen=True)
class Alternative:
    """One way to say what a group asks for: tokens in a row, tokens apart, or a tag."""

    tokens: str
    quality: float
    tag: bool = False
    apart: bool = False

    @property
    def match(self) -> str:
        """The FTS5 expression."""
        if self.tag:
            return f'tags : "{self.tokens}"'
        if self.apart:
            return "(" + " AND ".join(f'"{token}"' for token in self.tokens.split()) + ")"
        return f'"{self.tokens}"'


@dataclass
class Group:
    """What one or several words of the query ask for, in all the ways a document may say it."""

    label: str
    alternatives: list[Alternative]
    weight: float = 0.0  # how rare it is
    facet: bool = False  # whether it is a word for a value of a filter
    known: bool = False  # whether it is a term of the field
    everyday: bool = False  # whether it is a word of common.txt
    telling: bool = False  # whether it is one of how things are asked and told, whatever they are about
    unknown: bool = False  # whether no document has it
    terms: list[str] = field(default_factory=list)  # units to highlight
    names: list[str] = field(default_factory=list)  # squashed names that mean the same

    @property
    def needed(self) -> bool:
        """Whether a document must have it to have the whole query."""
        return not (self.telling or self.unknown)

    @cached_property
    def match(self) -> str:
        """The FTS5 expression."""
        return "(" + " OR ".join(dict.fromkeys(alternative.match for alternative in self.alternatives)) + ")"


@dataclass
class Understood:
    """What a query asks for: its groups, words replaced by near ones, names that the whole of it may be, titles that
    a part of it may be, its function words."""

    groups: list[Group] = field(default_factory=list)
    corrected: dict[str, str] = field(default_factory=dict)
    names: dict[str, float] = field(default_factory=dict)
    titles: dict[str, float] = field(default_factory=dict)
    small: list[str] = field(default_factory=list)
    question: list[str] = field(default_factory=list)  # tokens of the words that ask as it does


@dataclass
class Atom:
    """A word or a Chinese character of the query, with what else it may stand for."""

    text: str
    quality: float = EXACT
    more: tuple[Alternative, ...] = ()

    @cached_property
    def stem(self) -> str:
        return stem(self.text)

    @property
    def han(self) -> bool:
        return is_han(self.text)


def joined(atoms: list[Atom]) -> list[str]:
    """The words and Chinese runs of atoms."""
    found: list[str] = []
    for atom in atoms:
        if found and atom.han and is_han(found[-1]):
            found[-1] += atom.text
        else:
            found.append(atom.text)
    return found
