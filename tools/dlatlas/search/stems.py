"""The stem of an English word: its British and American, singular, plural, verbal and derived forms become one."""

from __future__ import annotations

import re
from functools import lru_cache

AMERICAN = [
    (re.compile(r"i[sz](?:ations?|e[drs]?|es|ers|ing)$"), "iz"),
    (re.compile(r"(?<=[a-z][^aeou])our(?=s?$|ed$|ing$|al$|hood|ful|ite|iz|able|less)"), "or"),
    (re.compile(r"(?<=[tyb])re(s?)$"), r"er\1"),
    (re.compile(r"(?<=cent)r(ed|ing)$"), r"er\1"),
    (re.compile(r"ys(e[drs]?|ing)$"), r"yz\1"),
    (re.compile(r"ogue(s?)$"), r"og\1"),
    (re.compile(r"(?<=ef|ff|et|ic)ences?$"), "ense"),
    (re.compile(r"(?<=[a-z]{2})gramme(s?)$"), r"gram\1"),
    (re.compile(r"parametri"), "parameteri"),
    (re.compile(r"(?<=dg)ement"), "ment"),
]
"""British endings and their American form; the family of -ize is cut to one stem."""

DERIVED = [
    (re.compile(r"(?<=\w{4})(?:ness|ful)$"), ""),
    (re.compile(r"(?<=\w{5})hood$"), ""),
    (re.compile(r"(align|assign|deploy|develop|improve|measure)ment$"), r"\1"),
    (re.compile(r"ion(?:al(?:ly)?|ary)$"), "ion"),
    (re.compile(r"ioral(?:ly)?$"), "ior"),
    (re.compile(r"ific(?:at)?(?:ion|iv)?$"), "ify"),
    (re.compile(r"ifi(?:er)?$"), "ify"),
    (re.compile(r"plos(?:ion|iv)$"), "plod"),
    (re.compile(r"(?<=\w{4})at(?:ion|or|iv)?$"), ""),
    (re.compile(r"(?<=\w{4}t)(?:ion|or|iv)$"), ""),
    (re.compile(r"(?<=\w{3}ss)(?:ion|or|iv)$"), ""),
    (re.compile(r"(?<=\w{2})olv$"), "olut"),
    (re.compile(r"(?<=\w{4})ity$"), ""),
    (re.compile(r"(?<=\w{2})abil$"), "abl"),
    (re.compile(r"(?<=\w{5})abl$"), ""),
    (re.compile(r"(?<=\w{5})[ae]n(?:t|c|cy)$"), ""),
    (re.compile(r"(cod|compil|pars|sampl|tagg|learn|train)er$"), r"\1"),
    (re.compile(r"ical(?:ly)?$"), "ic"),
    (re.compile(r"arch(?:y|ic)$"), "arch"),
]
"""Endings of derived nouns and adjectives: -ness, -ation, -ator, -ative, -ion, -ity, -able, -ance, -ical and so on; in turn."""

IRREGULAR = {
    "matrices": "matrix",
    "indices": "index",
    "vertices": "vertex",
    "axes": "axis",
    "axis": "axis",
    "data": "data",
    "grey": "gray",
    "bias": "bias",
    "lens": "lens",
    "embed": "embed",
    "learnt": "learn",
    "learned": "learn",
    "general": "general",
    "artefact": "artifact",
    "artefacts": "artifact",
    "aluminium": "aluminum",
    "manoeuvre": "maneuver",
    "sceptical": "skeptic",
    "ageing": "age",
    "aging": "age",
    "analysis": "analyz",
    "synthesis": "synthesiz",
    "bayes": "bayesian",
    "markovian": "markov",
    "distillation": "distillation",  # apart from the journal Distill
    "distilled": "distillation",
    "distilling": "distillation",
    "explainable": "explainable",
    "explainability": "explainable",
}


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The stem of a lower-case word; short words, numbers and words of other scripts are their own."""
    if word in IRREGULAR:
        return IRREGULAR[word]
    if len(word) < 4 or not (word.isascii() and word.isalpha()):
        return word
    if len(word) > 4:
        for pattern, replacement in AMERICAN:
            word = pattern.sub(replacement, word)
    word = _uninflected(word)
    if len(word) > 5:
        for pattern, replacement in DERIVED:
            word = pattern.sub(replacement, word)
    word = word.removesuffix("e") if len(word) > 3 else word
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


def _uninflected(word: str) -> str:
    """The word without the endings of plurals and verbs."""
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif re.search(r"(?:ss|x|z|ch|sh)es$", word):
        word = word[:-2]
    elif word.endswith("s") and not re.search(r"(?:ss|us|is)$", word):
        word = word[:-1]
    for suffix in ("ing", "ed"):
        if word.endswith(suffix) and len(word) - len(suffix) >= 3 and re.search("[aeiouy]", word[: -len(suffix)]):
            word = word[: -len(suffix)]
            break
    return word.removesuffix("e") if len(word) > 3 else word
