"""Turn the words of a query into groups: each group is one thing that is asked for, in all the ways a document may say it."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from dlatlas.search.spelling import nearest
from dlatlas.search.stems import stem
from dlatlas.search.stopwords import FUNCTION_WORDS, meaningful
from dlatlas.search.text import is_han, pairs, squash, unit_tokens

LONGEST_NAME = 16
"""Words and Chinese characters of the longest name that is recognized."""

MOST_GROUPS = 32

EXACT, SYNONYM, PARTS, COMPLETED, NEAR = 1.0, 0.85, 0.5, 0.5, 0.7
"""What a match counts: as asked, by another expression, by its parts apart, by the beginning of a word, by a near spelling."""


@dataclass(frozen=True)
class Alternative:
    """One way to say what a group asks for: tokens in a row, tokens apart, or a tag."""

    tokens: str
    quality: float
    how: str = "as asked"
    tag: bool = False
    apart: bool = False

    @property
    def match(self) -> str:
        if self.tag:
            return f'tags : "{self.tokens}"'
        if self.apart:
            return "(" + " AND ".join(f'"{token}"' for token in self.tokens.split()) + ")"
        return f'"{self.tokens}"'


@dataclass
class Group:
    """What one or several words of the query ask for."""

    label: str
    alternatives: list[Alternative]
    weight: float = 0.0  # how rare it is
    facet: bool = False  # a word for a value of a filter
    terms: list[str] = field(default_factory=list)  # units to highlight
    names: list[str] = field(default_factory=list)  # squashed names that mean the same

    @cached_property
    def match(self) -> str:
        return "(" + " OR ".join(dict.fromkeys(alternative.match for alternative in self.alternatives)) + ")"


@dataclass
class Understood:
    """The groups of a query, words replaced by near ones, and the names that the whole query may be."""

    groups: list[Group]
    corrected: dict[str, str]
    names: dict[str, float]


@dataclass
class _Atom:
    """A word or a Chinese character of the query."""

    text: str
    quality: float = EXACT
    more: tuple[Alternative, ...] = ()

    @cached_property
    def stem(self) -> str:
        return stem(self.text)


class Matcher:
    """Knows the words of one index."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        self.documents = int(database.execute("SELECT value FROM meta WHERE name = 'documents'").fetchone()[0])

    def understand(self, found: list[str]) -> Understood:
        """The groups of a query's words and Chinese runs."""
        atoms = [_Atom(part) for word in found for part in (word if is_han(word) else (word,))][:400]
        corrected = self._correct(atoms)
        groups: list[Group] = []
        rest: list[_Atom] = []
        spans = self._spans(atoms)
        i = 0
        while i < len(atoms):
            j = next((j for j in range(min(len(atoms), i + LONGEST_NAME), i, -1) if (i, j) in spans), None)
            if j is None:
                rest.append(atoms[i])
                i += 1
                continue
            groups += self._unnamed(rest)
            rest = []
            groups.append(self._named(atoms[i:j], spans[i, j]))
            i = j
        groups += self._unnamed(rest)
        content = [group for group in groups if group.label not in FUNCTION_WORDS] or groups
        kept = list({group.match: group for group in content}.values())[:MOST_GROUPS]
        return Understood(kept, corrected, self._whole_names(atoms, kept))

    def _whole_names(self, atoms: list[_Atom], groups: list[Group]) -> dict[str, float]:
        """Squashed names that the whole query may be, and how much that counts: as it is, without function words, in other words."""
        quality = min((atom.quality for atom in atoms), default=EXACT)
        short = [squash(word) for word in meaningful(_words(atoms))]
        names = {"".join(atom.stem for atom in atoms): quality}
        names.setdefault("".join(short), quality)
        asked = [group for group in groups if not group.facet]
        if len(groups) == 1:
            for name in groups[0].names:
                names.setdefault(name, SYNONYM * quality)
        elif len(asked) == 1:
            for name in asked[0].names:
                names.setdefault(name, 0.2 * quality)
        names.pop("", None)
        return names

    # Words that the index does not know

    def _correct(self, atoms: list[_Atom]) -> dict[str, str]:
        """Replace unknown words, in place: by two known ones, by what they begin, or by near ones; the replaced words."""
        corrected: dict[str, str] = {}
        singles = {atom.stem for atom in atoms if not is_han(atom.text)}
        known = self._known(singles) | self._phrases(singles)
        i = 0
        while i < len(atoms):
            atom = atoms[i]
            if is_han(atom.text) or atom.stem in known or len(atom.text) < 4 or not atom.text.isalnum():
                i += 1
                continue
            if parts := self._split(atom.text):
                atoms[i : i + 1] = [_Atom(part, 0.95) for part in parts]
                i += 2
                continue
            if near := self._completed(atom.text):
                atom.more = tuple(Alternative(token, COMPLETED, "begins so") for token in near)
            elif near := nearest(self.database, atom.text):
                corrected[atom.text] = near[0]
                others = dict.fromkeys(stem(word) for word in near[1:])
                atoms[i] = _Atom(near[0], NEAR, tuple(Alternative(token, NEAR**2, "near spelling") for token in others))
            i += 1
        return corrected

    def _split(self, word: str) -> list[str]:
        """A word as two known ones that occur in a row, such as batchnorm."""
        cuts = [(word[:k], word[k:]) for k in range(2, len(word) - 1)]
        known = self._known({stem(part) for cut in cuts for part in cut})
        for first, second in sorted(cuts, key=lambda cut: abs(len(cut[0]) - len(cut[1]))):
            if stem(first) in known and stem(second) in known and self._occurs(f'"{stem(first)} {stem(second)}"'):
                return [first, second]
        return []

    def _completed(self, word: str) -> list[str]:
        """Stems of the most frequent words that begin so."""
        rows = self.database.execute(
            "SELECT word FROM spellings WHERE word > ? AND word < ? ORDER BY documents DESC LIMIT 12", (word, word + "\U0010ffff")
        )
        return list(dict.fromkeys(stem(found) for (found,) in rows))

    # Names of topics, terms of the glossary and words for filters

    def _spans(self, atoms: list[_Atom]) -> dict[tuple[int, int], list[str]]:
        """Parts of the query that are a name or a word for a filter, and the phrases under which they are known."""
        asked: dict[str, list[tuple[int, int]]] = {}
        for i in range(len(atoms)):
            for j in range(i + 1, min(len(atoms), i + LONGEST_NAME) + 1):
                span = atoms[i:j]
                asked.setdefault(" ".join(atom.stem for atom in span), []).append((i, j))
                if 1 < j - i <= 3 and not any(is_han(atom.text) for atom in span):
                    asked.setdefault(stem("".join(atom.text for atom in span)), []).append((i, j))
        spans: dict[tuple[int, int], list[str]] = {}
        for phrase in self._phrases(asked):
            for span in asked[phrase]:
                spans.setdefault(span, []).append(phrase)
        return spans

    def _phrases(self, asked: Iterable[str]) -> set[str]:
        listed = json.dumps(list(asked))
        rows = self.database.execute(
            "SELECT phrase FROM synonyms WHERE phrase IN (SELECT value FROM json_each(?1))"
            " UNION SELECT phrase FROM subjects WHERE phrase IN (SELECT value FROM json_each(?1))",
            (listed,),
        )
        return {phrase for (phrase,) in rows}

    def _named(self, atoms: list[_Atom], phrases: list[str]) -> Group:
        """The group of a name: itself, what means the same, its parts apart, and the filter values that it stands for."""
        quality = min(atom.quality for atom in atoms)
        listed = json.dumps(phrases)
        members = self.database.execute(
            "SELECT DISTINCT tokens, units, name FROM members"
            " WHERE family IN (SELECT family FROM synonyms WHERE phrase IN (SELECT value FROM json_each(?)))",
            (listed,),
        ).fetchall()
        tags = [
            tag
            for (tag,) in self.database.execute(
                "SELECT DISTINCT tag FROM subjects WHERE phrase IN (SELECT value FROM json_each(?))", (listed,)
            )
        ]
        asked = [unit for word in _words(atoms) for unit in (word if is_han(word) else stem(word),)]
        tokens = " ".join(token for unit in asked for token in unit_tokens(unit))
        joined = [phrase for phrase in phrases if " " not in phrase and phrase != tokens and not is_han(phrase)]
        facet = any(not tag.startswith(("topic=", "area=")) for tag in tags)
        alternatives = [
            Alternative(tokens, quality, "as asked" if quality == EXACT else "near spelling"),
            *(Alternative(phrase, SYNONYM * quality, "written together") for phrase in joined),
            *(Alternative(other, SYNONYM * quality, "same meaning") for other, _, _ in members if other != tokens),
            *(Alternative(tag, quality, "filter" if facet else "subject", tag=True) for tag in tags),
            *([Alternative(tokens, PARTS * quality, "words apart", apart=True)] if " " in tokens and not is_han(tokens) else []),
        ]
        terms = list(dict.fromkeys([*asked, *joined, *(unit for _, found, _ in members for unit in found.split())]))
        names = list(dict.fromkeys(["".join(atom.stem for atom in atoms), *joined, *(name for _, _, name in members)]))
        return self._weighed(Group(" ".join(_words(atoms)), alternatives, facet=facet, terms=terms, names=names))

    # All other words

    def _unnamed(self, atoms: list[_Atom]) -> list[Group]:
        """Groups of the words between names."""
        found: list[Group] = []
        for k, word in enumerate(words := _words(atoms)):
            if is_han(word):
                found += [self._weighed(group) for part in meaningful([word]) for group in self._segments(part)]
                continue
            atom = next(atom for atom in atoms if atom.text == word)
            how = "as asked" if atom.quality == EXACT else "near spelling"
            group = Group(word, [Alternative(atom.stem, atom.quality, how), *atom.more], terms=[atom.stem], names=[atom.stem])
            group.terms += [alternative.tokens for alternative in atom.more]
            if k + 1 < len(words) and not is_han(words[k + 1]) and self._known([whole := stem(word + words[k + 1])]):
                group.alternatives.append(Alternative(whole, SYNONYM, "written together"))
                group.terms.append(whole)
            if k and not is_han(words[k - 1]) and self._known([whole := stem(words[k - 1] + word)]):
                group.alternatives.append(Alternative(whole, SYNONYM, "written together"))
                group.terms.append(whole)
            found.append(self._weighed(group))
        return found

    def _segments(self, run: str) -> Iterator[Group]:
        """The words of a Chinese run: it is cut at pairs that are much rarer than those beside them."""
        if len(run) == 1:
            inside = (Alternative(pair, PARTS, "part of a word") for pair in self._pairs_with(run))
            yield Group(run, [Alternative(run, EXACT), *inside], terms=[run])
            return
        found = pairs(run)
        counts = self._counts(found)
        start = 0
        for k in range(1, len(found) - 1):
            beside = min(counts.get(found[k - 1], 0), counts.get(found[k + 1], 0))
            if k > start and 8 * counts.get(found[k], 0) < beside:
                yield _run(run[start : k + 1])
                start = k + 1
        yield _run(run[start:])

    def _pairs_with(self, character: str) -> list[str]:
        rows = self.database.execute(
            "SELECT term FROM terms WHERE term BETWEEN '㐀' AND '鿿鿿' AND length(term) = 2 AND instr(term, ?)"
            " ORDER BY documents DESC LIMIT 60",
            (character,),
        )
        return [term for (term,) in rows]

    def _weighed(self, group: Group) -> Group:
        """The group with its weight, the inverse document frequency of its most frequent expression."""
        asked = [a for a in group.alternatives if not a.apart and (not a.tag or group.facet)]
        counts = self._counts({token for a in asked if not a.tag for token in a.tokens.split()})
        counts |= self._tagged(a.tokens for a in asked if a.tag)
        frequency = max((min(counts.get(t, 0) for t in a.tokens.split()) for a in asked), default=0) or 1
        group.weight = math.log(1 + (self.documents - frequency + 0.5) / (frequency + 0.5))
        return group

    def _tagged(self, tags: Iterable[str]) -> dict[str, int]:
        rows = self.database.execute(
            "SELECT field || '=' || value, documents FROM facets WHERE field || '=' || value IN (SELECT value FROM json_each(?))",
            (json.dumps(list(tags)),),
        )
        return dict(rows.fetchall())

    def _counts(self, terms: Iterable[str]) -> dict[str, int]:
        sql = "SELECT term, documents FROM terms WHERE term IN (SELECT value FROM json_each(?))"
        rows = self.database.execute(sql, (json.dumps(list(terms)),))
        return dict(rows.fetchall())

    def _known(self, terms: Iterable[str]) -> set[str]:
        return set(self._counts(terms))

    def _occurs(self, expression: str) -> bool:
        return self.database.execute("SELECT 1 FROM words WHERE words MATCH ? LIMIT 1", (expression,)).fetchone() is not None


def _words(atoms: list[_Atom]) -> list[str]:
    """The words and Chinese runs of atoms."""
    found: list[str] = []
    for atom in atoms:
        if found and is_han(atom.text) and is_han(found[-1]):
            found[-1] += atom.text
        else:
            found.append(atom.text)
    return found


def _run(text: str) -> Group:
    return Group(text, [Alternative(" ".join(pairs(text)), EXACT)], terms=[text], names=[text])
