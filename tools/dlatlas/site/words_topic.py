"""Words of the topic page, as (English, Chinese)."""

from __future__ import annotations

TOPIC_WORDS: dict[str, tuple[str, str]] = {
    "figures": ("Seen in runs", "图中所见"),
    "live": ("Try it", "动手试一试"),
}
"""Merged into :data:`dlatlas.site.strings.WORDS`."""
