"""Words of the topic page, as (English, Chinese)."""

from __future__ import annotations

TOPIC_WORDS: dict[str, tuple[str, str]] = {
    "figures": ("Seen in runs", "图中所见"),
    "what-next": ("What next", "接下来学什么"),
    "largest-error": ("largest error {error}", "最大误差 {error}"),
    "error-within": ("{error}, allowed {tolerance}", "{error}，容差 {tolerance}"),
    "versions": ("Versions", "版本"),
    "run-install": ("Install, in a clone of the repository", "在仓库的克隆中安装"),
    "run-import": ("Use it in your own code", "在自己的代码中使用"),
    "run-demo": ("See a demonstration of a few seconds", "看几秒钟的演示"),
    "run-tests": ("Run the checks of this method", "运行这个方法的检验"),
    "run-claim": ("Run the experiment behind a claim", "运行论断背后的实验"),
    "bibtex": ("BibTeX", "BibTeX"),
    "link-reached": ("reached on {date}", "{date} 可访问"),
}
"""Merged into :data:`dlatlas.site.strings.WORDS`."""
