"""Turn the words of a query into groups: known names first, the longest ones, then single words and parts of Chinese runs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from dlatlas.search.correct import corrected
from dlatlas.search.groups import BROADER, EXACT, PARTS, SYNONYM, Alternative, Atom, Group, Understood, joined
from dlatlas.search.lexicon import Lexicon
from dlatlas.search.stems import stem
from dlatlas.search.stopwords import FIELDS, KINDS, asked, is_small, meaningful
from dlatlas.search.tables import TOLD
from dlatlas.search.text import is_han, pairs, squash, unit_tokens, units

LONGEST_NAME = 16
"""Words and Chinese characters of the longest name that is recognized."""

SHORTEST_TITLE = 3
"""Words of the shortest title that is recognized with other words around it; two Chinese characters are one."""

MOST_ATOMS, MOST_GROUPS = 400, 32
"""Words and Chinese characters, and groups, of a query that are looked at."""

TERM, TELLING = 1.6, 0.6
"""How much more a term of the field, and how much less a word of how things are told, counts than another word that is as rare."""

WITHOUT_SMALL, IN_QUESTION = 0.6, 0.15
"""What it counts that a document's name is the query without its function words, and without those of a question of how, why or which."""

BESIDE_KIND = 0.5
"""What it counts that a document's name is the query without words for the kind of thing it is and for the field itself."""

IN_FIELD = 0.4
"""How much words for the field itself count beside others."""

BESIDE_TELLING, BESIDE_EVERYDAY = 0.1, 0.05
"""What it counts that a document's name is the query without words of how things are told, and without other everyday words, such as
image in image style transfer."""

BESIDE_FILTER = 0.02
"""What it counts that a document's name is the query without words for filters."""


def understand(lexicon: Lexicon, found: list[str]) -> Understood:
    """The groups of a query's words and Chinese runs."""
    atoms, replaced = corrected(lexicon, [Atom(part) for word in found for part in (word if is_han(word) else (word,))][:MOST_ATOMS])
    groups: list[Group] = []
    rest: list[Atom] = []
    spans = _spans(lexicon, atoms)
    i = 0
    while i < len(atoms):
        j = next((j for j in range(min(len(atoms), i + LONGEST_NAME), i, -1) if (i, j) in spans), None)
        if j is None:
            rest.append(atoms[i])
            i += 1
            continue
        groups += _unnamed(lexicon, rest)
        rest = []
        groups.append(_named(lexicon, atoms[i:j], spans[i, j]))
        i = j
    groups += _unnamed(lexicon, rest)
    content = [group for group in groups if not is_small(group.label)] or groups
    content = [group for group in content if not _remainder(group)] or content
    kept = list({group.match: group for group in content}.values())[:MOST_GROUPS]
    for group in kept:
        group.telling |= _of_kind(group) and not group.known
        _weigh(lexicon, group)
        group.weight *= IN_FIELD if _of_field(group) and len(kept) > 1 else 1.0
    question = asked(joined(atoms)) if len(content) < len(groups) or len(atoms) > 1 else ()
    small = [atom.stem for atom in atoms if not atom.han and is_small(atom.text)] if len(content) < len(groups) else []
    tokens = [" ".join(token for unit in units(word) for token in unit_tokens(unit)) for word in question]
    bare = IN_QUESTION if question and "what" not in question else WITHOUT_SMALL
    short = "".join(squash(group.label) for group in content)
    names = _whole_names(atoms, [group for group in kept if not group.unknown] or kept, short, bare)
    return Understood(kept, replaced, names, _titles_inside(atoms, spans), small, tokens)


def _of_kind(group: Group) -> bool:
    return KINDS.fullmatch(squash(group.label)) is not None


def _of_field(group: Group) -> bool:
    return squash(group.label) in FIELDS


def _remainder(group: Group) -> bool:
    """Whether it is a single Chinese character that no name took."""
    return len(group.label) == 1 and is_han(group.label) and not group.known


def _whole_names(atoms: list[Atom], groups: list[Group], short: str, bare: float) -> dict[str, float]:
    """Squashed names that the whole query may be, and what that counts: as it is, without function words (``bare``), in other words."""
    quality = min((atom.quality for atom in atoms), default=EXACT)
    whole = "".join(atom.stem for atom in atoms)
    names = {whole: quality}
    bare = quality * (1.0 if short == whole else bare)
    names.setdefault(short, bare)
    said = [group for group in groups if _of_kind(group) or not group.facet]
    subjects = [group for group in said if not (_of_kind(group) or _of_field(group))] or said
    worth = BESIDE_KIND if len(said) > 1 else SYNONYM if len(groups) == 1 else BESIDE_FILTER
    if len(subjects) > 1:
        worth = BESIDE_EVERYDAY if any(group.everyday and not group.telling for group in subjects) else BESIDE_TELLING
        subjects = [group for group in subjects if not group.everyday]
    if len(subjects) == 1:
        for name in subjects[0].names:
            names.setdefault(name, worth * bare)
    names.pop("", None)
    return names


def _titles_inside(atoms: list[Atom], spans: Mapping[tuple[int, int], list[str]]) -> dict[str, float]:
    """Squashed titles that the larger part of the query may be, unless it is a name, and what that counts: its share, squared."""
    sizes = [0.5 if atom.han else 1.0 for atom in atoms]
    whole = sum(sizes)
    found: dict[str, float] = {}
    for i in range(len(atoms)):
        for j in range(i + 1, min(len(atoms), i + LONGEST_NAME) + 1):
            part = sum(sizes[i:j])
            if max(SHORTEST_TITLE, whole / 2) <= part < whole and (i, j) not in spans:
                found["".join(atom.stem for atom in atoms[i:j])] = (part / whole) ** 2
    return found


def _spans(lexicon: Lexicon, atoms: list[Atom]) -> dict[tuple[int, int], list[str]]:
    """Parts of the query that are a name or a word for a filter, and the phrases under which they are known."""
    asked: dict[str, list[tuple[int, int]]] = {}
    for i in range(len(atoms)):
        for j in range(i + 1, min(len(atoms), i + LONGEST_NAME) + 1):
            span = atoms[i:j]
            asked.setdefault(" ".join(atom.stem for atom in span), []).append((i, j))
            if 1 < j - i <= 3 and not any(atom.han for atom in span):
                asked.setdefault(stem("".join(atom.text for atom in span)), []).append((i, j))
    spans: dict[tuple[int, int], list[str]] = {}
    for phrase in sorted(lexicon.named(asked)):
        for span in asked[phrase]:
            spans.setdefault(span, []).append(phrase)
    return spans


def _named(lexicon: Lexicon, atoms: list[Atom], phrases: list[str]) -> Group:
    """The group of a name: itself, what means the same, its parts apart, and the filter values that it stands for."""
    quality = min(atom.quality for atom in atoms)
    units = [word if is_han(word) else stem(word) for word in joined(atoms)]
    tokens = " ".join(token for unit in units for token in unit_tokens(unit))
    together = [phrase for phrase in phrases if " " not in phrase and phrase != tokens and not is_han(phrase)]
    families = lexicon.families(phrases)
    terms_of_field = [family for family in families if family >= 0]
    members = lexicon.members(families)
    alike = [name for _, _, name, shared in members if not shared]
    names = list(dict.fromkeys(["".join(atom.stem for atom in atoms), *together, *alike]))
    own = lexicon.subjects(name.replace(" ", "") for name in phrases)
    of_field = (name for _, _, name, shared in lexicon.members(terms_of_field) if not shared)
    tags = {tag: SYNONYM * worth for tag, worth in lexicon.subjects(of_field).items()}
    tags |= {tag: max(worth, tags.get(tag, 0.0)) for tag, worth in own.items()}
    facet = any(not tag.startswith(("topic=", "area=")) for tag in own)
    others = _worth(tokens, {other: shared for other, _, _, shared in members})
    alternatives = [
        Alternative(tokens, quality),
        *(Alternative(phrase, SYNONYM * quality) for phrase in together),
        *(Alternative(other, worth * quality) for other, worth in others.items()),
        *(Alternative(tag, worth * quality, tag=True) for tag, worth in tags.items()),
        *([Alternative(tokens, PARTS * quality, apart=True)] if " " in tokens and not is_han(tokens) else []),
    ]
    known = bool(terms_of_field) or any(tag.startswith(("topic=", "area=")) for tag in own)
    terms = list(dict.fromkeys([*units, *together, *(unit for _, found, _, _ in members for unit in found.split())]))
    everyday = bool(families) and not (known or facet)
    telling = everyday and min(families) >= TOLD
    label = " ".join(joined(atoms))
    return Group(label, alternatives, facet=facet, known=known, everyday=everyday, telling=telling, terms=terms, names=names)


def _worth(tokens: str, members: dict[str, int]) -> dict[str, float]:
    """What each other expression counts: less where it may mean another term, or is only a part of one, unless the query is."""

    def partial(one: str) -> bool:
        return any(one != other and f" {one} " in f" {other} " for other in (tokens, *members))

    less = {one for one, shared in members.items() if shared or (partial(one) and not partial(tokens))}
    return {one: BROADER if one in less else SYNONYM for one in members if one != tokens}


def _unnamed(lexicon: Lexicon, atoms: list[Atom]) -> list[Group]:
    """Groups of the words between names; a word may also be written together with the next or the one before."""
    found: list[Group] = []
    by_text = {atom.text: atom for atom in atoms}
    words = joined(atoms)
    for k, word in enumerate(words):
        if is_han(word):
            found += (group for part in meaningful([word]) for group in _segments(lexicon, part))
            continue
        atom = by_text[word]
        near = [stem(words[k - 1] + word)] if k and not is_han(words[k - 1]) else []
        near += [stem(word + words[k + 1])] if k + 1 < len(words) and not is_han(words[k + 1]) else []
        together = list(lexicon.counts(near))
        base = re.fullmatch(r"([a-z]{3,})v?\d+", word)  # resnet50, yolov3
        near_by = [Alternative(stem(base[1]), BROADER)] if base else []
        alternatives = [Alternative(atom.stem, atom.quality), *atom.more, *near_by, *(Alternative(token, SYNONYM) for token in together)]
        found.append(Group(word, alternatives, terms=[a.tokens for a in alternatives], names=[atom.stem, *(a.tokens for a in near_by)]))
    return found


def _segments(lexicon: Lexicon, run: str) -> list[Group]:
    """The words of a Chinese run: it is cut at pairs that are much rarer than those beside them."""
    if len(run) == 1:
        return [Group(run, [Alternative(run, EXACT), *(Alternative(pair, PARTS) for pair in lexicon.pairs_with(run))], terms=[run])]
    found = pairs(run)
    counts = lexicon.counts(found)
    cuts = [0]
    for k in range(1, len(found) - 1):
        beside = min(counts.get(found[k - 1], 0), counts.get(found[k + 1], 0))
        if k > cuts[-1] and 8 * counts.get(found[k], 0) < beside:
            cuts.append(k + 1)
    parts = [part for i, j in zip(cuts, [*cuts[1:], len(run)], strict=True) for part in _occurring(run[i:j], counts)]
    return [Group(part, _of_run(part), terms=[part], names=[part]) for part in parts]


def _occurring(run: str, counts: Mapping[str, int]) -> list[str]:
    """The parts of a run of whose pairs of characters all occur; the whole run where none does."""
    known = "".join("1" if pair in counts else "0" for pair in pairs(run))
    return [run[m.start() : m.end() + 1] for m in re.finditer("1+", known)] or [run]


def _of_run(run: str) -> list[Alternative]:
    """A Chinese run as it stands, or its words apart, which mostly have two characters."""
    found = pairs(run)
    apart = [*found[:-1:2], found[-1]]
    return [Alternative(" ".join(found), EXACT), *([Alternative(" ".join(apart), PARTS, apart=True)] if len(run) > 3 else [])]


def _weigh(lexicon: Lexicon, group: Group) -> None:
    """Give a group its weight: the inverse document frequency of its most frequent expression; whether any document has one."""
    said = [alternative.tokens.split() for alternative in group.alternatives if not alternative.tag and not alternative.apart]
    counts = lexicon.counts({token for tokens in said for token in tokens})
    frequencies = [min(counts.get(token, 0) for token in tokens) for tokens in said]
    if group.facet:
        frequencies += lexicon.tagged(alternative.tokens for alternative in group.alternatives if alternative.tag).values()
    group.unknown = not (max(frequencies) or any(alternative.tag for alternative in group.alternatives))
    frequency = max(frequencies) or 1
    worth = TERM if group.known else TELLING if group.telling else 1.0
    group.weight = math.log(1 + (lexicon.documents - frequency + 0.5) / (frequency + 0.5)) * worth
