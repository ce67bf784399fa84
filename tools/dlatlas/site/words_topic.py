"""Words of the topic page and of its figures, as (English, Chinese)."""

from __future__ import annotations

TOPIC_WORDS: dict[str, tuple[str, str]] = {
    "timeline": ("The works along the years", "文献年表"),
    "timeline-told": (
        "{n} dated works from {first} to {last}, one dot each; a full dot is a work to read first.",
        "{first} 年至 {last} 年的 {n} 份资料，一点代表一份；实心点是应先读的资料。",
    ),
    "timeline-keys": (" The arrow keys move from dot to dot.", "方向键在各点之间移动。"),
}
"""Merged into :data:`dlatlas.site.strings.WORDS`."""
