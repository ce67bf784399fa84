"""Checks of the built site: every internal address leads somewhere, and no page loads from a foreign host.

``python -m dlatlas.site.gates SITE [URL]`` prints what is wrong.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dlatlas.links import site as links


def check(site: Path, url: str = "") -> list[str]:
    """Everything wrong with the site below ``site``, as ``page: problem``; ``url`` is the address where it will be."""
    report = links.check(site, url=url, absolute=False)
    foreign = [f"{page}: loads from a foreign host: {address}" for page, address in report.foreign]
    return [*foreign, *map(str, report.problems)]


if __name__ == "__main__":
    for problem in check(Path(sys.argv[1]), *sys.argv[2:]):
        print(problem)
