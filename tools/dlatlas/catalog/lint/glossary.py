"""Rules on the glossary itself."""

from __future__ import annotations

from collections.abc import Iterable

from dlatlas.catalog.lint.registry import Finding, rule
from dlatlas.catalog.load import Loaded


@rule("glossary-conflict")
def glossary_conflict(loaded: Loaded) -> Iterable[Finding]:
    """The glossary refuses a rendering that it also recommends, so that no text could satisfy both."""
    glossary = loaded.catalog.glossary
    renderings = {name: term for term in glossary for name in (term.term.zh, term.term.zh_hant, *term.aliases) if name}
    for term in glossary:
        for i, wrong in enumerate(term.avoid):
            if wrong in renderings:
                message = f"avoids {wrong!r}, which is a rendering of {renderings[wrong].term.en!r}"
                yield Finding("term", term.term.en, message, ("avoid", i))
            elif holder := next((right for right in renderings if wrong in right), None):
                message = f"avoids {wrong!r}, which is part of {holder!r}, a rendering of {renderings[holder].term.en!r}"
                yield Finding("term", term.term.en, message, ("avoid", i))
