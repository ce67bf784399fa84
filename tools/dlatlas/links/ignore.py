"""Links for which a check does not fail, because a person has looked: the rules of ``catalog/ignore-links.yml``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from dlatlas.catalog.model import IgnoredLink
from dlatlas.links.result import Result


def matches(rule: IgnoredLink, url: str) -> bool:
    """Whether an address is one of those that a rule is about."""
    return re.fullmatch(".*".join(map(re.escape, rule.match.split("*"))), url) is not None


class Ignored:
    """The rules that hold on a day; today, where none is named."""

    def __init__(self, rules: Iterable[IgnoredLink] = (), day: date | None = None) -> None:
        self._rules = [rule for rule in rules if rule.until >= (day or date.today()).isoformat()]

    def rule(self, result: Result) -> IgnoredLink | None:
        """The rule by which a result is expected, or None."""
        if result.verdict in ("ok", "opaque"):
            return None
        fitting = (rule for rule in self._rules if not rule.verdicts or result.verdict in rule.verdicts)
        return next((rule for rule in fitting if matches(rule, result.url)), None)
