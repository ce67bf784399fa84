"""Hold stored results against the claims they belong to; runs nothing.

A claim holds when its result was made with today's experiment code and every seed's value lies in its band.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dlatlas.catalog.load import load
from dlatlas.catalog.model import Claim, Expectation
from dlatlas.evidence.store import ClaimEvidence, Evidence

State = Literal["holds", "does not hold", "stale", "missing", "unreadable", "unclaimed"]


@dataclass(frozen=True)
class Verdict:
    """What the stored result says about one claim; ``reason`` holds the numbers or what is wrong."""

    claim: str
    state: State
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.state}: {self.claim}" + (f": {self.reason}" if self.reason else "")


def list_claims(root: Path) -> dict[str, Claim]:
    """Every claim of the catalog by id, in reading order."""
    return {claim.id: claim for topic in load(root).topics for claim in topic.claims}


def result_path(root: Path, id: str) -> Path:
    """Where the result of a claim is stored."""
    return root / "evidence" / "claims" / f"{id}.json"


def check(root: Path) -> list[Verdict]:
    """A verdict for every claim of the catalog, and for every stored result that belongs to none."""
    claims = list_claims(root)
    evidence = Evidence(root, strict=False)
    stored = {path.stem for path in result_path(root, "*").parent.glob("*.json")}
    return [_check_one(evidence, claim) for claim in claims.values()] + [
        Verdict(id, "unclaimed", "the catalog has no such claim; remove its stored result") for id in sorted(stored - claims.keys())
    ]


def judge(claim: Claim, result: ClaimEvidence) -> Verdict:
    """Whether every seed's value lies in the claim's band, whatever code made it."""
    broken = list(_outside(claim.expect, result))
    if broken:
        return Verdict(claim.id, "does not hold", "; ".join(broken))
    measured = (f"{e.value} {_band(result.values[e.value])} in {_limits(e)}" for e in claim.expect)
    return Verdict(claim.id, "holds", f"{', '.join(measured)} over {len(result.seeds)} seed{'s' if len(result.seeds) > 1 else ''}")


def _check_one(evidence: Evidence, claim: Claim) -> Verdict:
    path = result_path(evidence.root, claim.id)
    if path in evidence.unreadable:
        return Verdict(claim.id, "unreadable", f"{path.relative_to(evidence.root).as_posix()}: {evidence.unreadable[path]}")
    module = claim.experiment.split(":")[0]
    again = f"run: dlatlas claims run {claim.id}"
    match evidence.claim_status(claim.id, module):
        case "unverified":
            return Verdict(claim.id, "missing", f"no stored result; {again}")
        case "stale":
            return Verdict(claim.id, "stale", f"{module} has changed; {again}")
    return judge(claim, evidence.claims[claim.id])


def _outside(expect: Iterable[Expectation], result: ClaimEvidence) -> Iterator[str]:
    if not expect:
        yield "the claim expects nothing"
    for expected in expect:
        numbers = result.values.get(expected.value)
        if numbers is None:
            yield f"no value {expected.value!r}; measured were {', '.join(sorted(result.values))}"
            continue
        low = -math.inf if expected.min is None else expected.min
        high = math.inf if expected.max is None else expected.max
        missed = [f"seed {seed}: {number:.4g}" for seed, number in zip(result.seeds, numbers, strict=True) if not low <= number <= high]
        if missed:
            yield f"{expected.value} outside {_limits(expected)} ({', '.join(missed)})"


def _limits(expected: Expectation) -> str:
    low, high = (None if bound is None else f"{bound:.4g}" for bound in (expected.min, expected.max))
    return f"{'(-∞' if low is None else f'[{low}'}, {'∞)' if high is None else f'{high}]'}"


def _band(numbers: Sequence[float]) -> str:
    low, high = f"{min(numbers):.4g}", f"{max(numbers):.4g}"
    return low if low == high else f"{low} to {high}"
