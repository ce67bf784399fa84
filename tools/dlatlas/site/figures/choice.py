"""Figures of several drawings of which the reader chooses one; plain radio buttons and a rule of the style sheet, no script."""

from __future__ import annotations

from collections.abc import Sequence

from dlatlas.site.markup import tag


def choice(name: str, question: str, options: Sequence[str], drawings: Sequence[str]) -> str:
    """Radio buttons and the drawings that belong to them, the first one chosen; HTML in, HTML out."""
    buttons = "".join(
        tag("label", f"{tag('input', type='radio', name=name, value=str(i), checked=not i).removesuffix('</input>')} {option}")
        for i, option in enumerate(options)
    )
    group = tag("fieldset", tag("legend", question) + buttons, class_="f-choice")
    return tag("div", group + "".join(tag("div", drawing, class_="f-option") for drawing in drawings), class_="f-choose")
