"""Turn text of either language into the tokens that the index holds.

The same functions prepare documents and queries, so that two spellings of one thing meet:
full-width and half-width, accents, Traditional and Simplified characters, regional Chinese
words, British and American spelling, singular and plural. Chinese has no spaces: a run of
characters becomes its overlapping pairs (and, in documents, its single characters too).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files

UNIT = re.compile(r"(?P<han>[\u3400-\u9fff]+)|(?P<word>[^\W_\u3400-\u9fff]+(?:[-'+#][^\W_\u3400-\u9fff]+)*\+{0,2}#?)")
"""One run of Chinese characters, or one word with its inner hyphens."""

ENDINGS = [
    (re.compile(r"i[sz](?:ations?|e[drs]?|es|ers|ing)$"), "iz"),
    (re.compile(r"(?<=[^aeou])our(?=s?$|ed$|ing$|al$|hood)"), "or"),
    (re.compile(r"(?<=[ty])re(s?)$"), r"er\1"),
    (re.compile(r"ys(e[drs]?|ing)$"), r"yz\1"),
    (re.compile(r"ogue(s?)$"), r"og\1"),
    (re.compile(r"ences?$"), "ense"),
]
"""British endings and their American form; the family of -ize is cut to one stem."""

IRREGULAR = {
    "matrices": "matrix",
    "indices": "index",
    "vertices": "vertex",
    "grey": "gray",
    "bias": "bias",
    "axes": "axis",
    "lens": "lens",
    "embed": "embed",
}


def normalize(text: str) -> str:
    """Compatibility forms, case, accents and Chinese variants folded into one."""
    text = unicodedata.normalize("NFKD", text).lower()
    text = unicodedata.normalize("NFC", "".join(c for c in text if not unicodedata.combining(c)))
    characters, words, pattern = _han()
    return pattern.sub(lambda m: words[m[0]], text.translate(characters))


@lru_cache(maxsize=1)
def _han() -> tuple[dict[int, str], dict[str, str], re.Pattern[str]]:
    characters: dict[int, str] = {}
    words: dict[str, str] = {}
    for line in files(__package__).joinpath("han.txt").read_text("utf-8").splitlines():
        for token in () if line.startswith("#") else line.split():
            if "→" in token:
                variant, common = token.split("→")
                words[variant] = common
            else:
                characters[ord(token[0])] = token[1]
    return characters, words, re.compile("|".join(sorted(words, key=len, reverse=True)))


def units(text: str) -> Iterator[str]:
    """The words and Chinese runs of a text, in order, words by their stems."""
    for m in UNIT.finditer(normalize(text)):
        if m["han"]:
            yield m["han"]
        else:
            yield from (stem(part) for part in re.split(r"[-']", m["word"]) if part)


def tokens(text: str) -> list[str]:
    """What the index holds of a text: stems, hyphenated words also joined, Chinese pairs, then single characters."""
    found: list[str] = []
    for m in UNIT.finditer(normalize(text)):
        if m["han"]:
            found += [*pairs(m["han"]), *(m["han"] if len(m["han"]) > 1 else ())]
        else:
            parts = [part for part in re.split(r"[-']", m["word"]) if part]
            found += [stem(part) for part in parts]
            if len(parts) > 1:
                found.append(stem("".join(parts)))
    return found


def is_han(unit: str) -> bool:
    return "\u3400" <= unit[0] <= "\u9fff"


def pairs(run: str) -> list[str]:
    """Overlapping pairs of a Chinese run; a single character stands for itself."""
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]


def squash(text: str) -> str:
    """A name without spaces, hyphens and endings, for comparing whole names."""
    return "".join(units(text))


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The common stem of a word's British and American, singular and plural, -ing and -ed forms."""
    if word in IRREGULAR:
        return IRREGULAR[word]
    if len(word) < 4 or not (word.isascii() and word.isalpha()):
        return word
    if len(word) > 5:
        for pattern, replacement in ENDINGS:
            word = pattern.sub(replacement, word)
    return _undouble(_without_suffix(word))


def _without_suffix(word: str) -> str:
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


def _undouble(word: str) -> str:
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word
