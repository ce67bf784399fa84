"""Run the experiments behind the catalog's claims, store what they measured, and verify it.

``run`` keeps each finished seed in ``build/claims/<id>/<seed>.json`` until all seeds of the claim are
there, so that an interrupted run goes on where it stopped; then it writes ``evidence/claims/<id>.json``.
``verify`` reads only the stored results; see :mod:`dlatlas.evidence.verdict`.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dlatlas.catalog.model import Claim
from dlatlas.evidence.checkout import import_from
from dlatlas.evidence.environment import describe_environment
from dlatlas.evidence.store import ClaimEvidence, code_hash, write_json
from dlatlas.evidence.verdict import check, judge, list_claims, result_path

if TYPE_CHECKING:
    from refimpl.experiments.outcome import Experiment, Outcome


class ClaimError(ValueError):
    """A claim, or the experiment it names, cannot be run as it stands."""


class Seed(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one seed, kept until the claim's whole result is written."""

    code: str
    seconds: float
    values: dict[str, float]
    curves: dict[str, tuple[list[float], list[float]]]


def run(root: Path, ids: Sequence[str] = ()) -> None:
    """Run the experiments of the claims ``ids`` (all where none is given) and store their results.

    Raises:
        ClaimError: no such claim, or its experiment does not fit it.
        CheckoutError: the root holds no such experiment.
        KeyboardInterrupt: the seeds that were finished are kept.
    """
    known = list_claims(root)
    if unknown := [id for id in ids if id not in known]:
        raise ClaimError(f"no claim {', '.join(unknown)}; expected one of {', '.join(known) or 'none: the catalog has no claims'}")
    chosen = [known[id] for id in ids or known]
    for number, claim in enumerate(chosen, 1):
        _say(f"{claim.id} ({number} of {len(chosen)}): {claim.statement.en}")
        result = _measure(root, claim)
        path = result_path(root, claim.id)
        write_json(path, result)
        shutil.rmtree(seeds_folder(root, claim.id), ignore_errors=True)
        _say(f"  wrote {path.relative_to(root).as_posix()}: {judge(claim, result)}")


def verify(root: Path) -> int:
    """Print a verdict a line; 0 when every claim holds, else 1."""
    verdicts = check(root)
    for verdict in verdicts:
        print(verdict)
    held = sum(verdict.state == "holds" for verdict in verdicts)
    _say(f"{held} of {len(verdicts)} hold")
    return 0 if held == len(verdicts) else 1


def seeds_folder(root: Path, id: str) -> Path:
    """Where the finished seeds of an unfinished run are kept."""
    return root / "build" / "claims" / id


def _measure(root: Path, claim: Claim) -> ClaimEvidence:
    module = claim.experiment.split(":")[0]
    experiment = _load_experiment(root, claim)
    code = code_hash(root, module)
    outcomes: list[Outcome] = []
    seconds = 0.0
    for done, seed in enumerate(experiment.seeds):
        kept = _kept_seed(root, claim, seed, code)
        state = "kept from an earlier run"
        if kept is None:
            _say(f"  seed {seed} ({done + 1} of {len(experiment.seeds)}) …")
            try:
                kept = _run_seed(experiment, seed, code)
            except KeyboardInterrupt:
                _say(f"  interrupted: {done} of {len(experiment.seeds)} seeds are kept; the same command goes on from there")
                raise
            write_json(_seed_path(root, claim, seed), kept)
            state = f"{kept.seconds:.1f} s"
        if lacking := [e.value for e in claim.expect if e.value not in kept.values]:
            raise ClaimError(f"claim {claim.id} expects {', '.join(lacking)}, but {claim.experiment} measures {_names(kept.values)}")
        if outcomes and kept.values.keys() != outcomes[0].values.keys():
            raise ClaimError(f"{claim.experiment}: seed {seed} measures {_names(kept.values)}, the first one {_names(outcomes[0].values)}")
        _say(f"  seed {seed}: {', '.join(f'{name} {value:.4g}' for name, value in kept.values.items())} ({state})")
        outcomes.append(_outcome(kept))
        seconds += kept.seconds
    return ClaimEvidence(
        id=claim.id,
        code=code,
        command=f"dlatlas claims run {claim.id}",
        environment=describe_environment(),
        seeds=experiment.seeds,
        values={name: tuple(outcome.values[name] for outcome in outcomes) for name in outcomes[0].values},
        figure=experiment.figure(outcomes),
        seconds=round(seconds, 1),
    )


def _names(values: Mapping[str, float]) -> str:
    return ", ".join(values) or "nothing"


def _load_experiment(root: Path, claim: Claim) -> Experiment:
    """The experiment that ``claim`` names, from the checkout at ``root`` and nowhere else."""
    module, _, name = claim.experiment.partition(":")
    experiment = getattr(import_from(root, module), name, None)
    from refimpl.experiments.outcome import Experiment

    if not isinstance(experiment, Experiment):
        raise ClaimError(f"claim {claim.id}: {claim.experiment} is {experiment!r}; expected an Experiment")
    return experiment


def _run_seed(experiment: Experiment, seed: int, code: str) -> Seed:
    start = time.perf_counter()
    outcome = experiment.outcome(seed)
    curves = {name: (list(x), list(y)) for name, (x, y) in outcome.curves.items()}
    return Seed(code=code, seconds=round(time.perf_counter() - start, 3), values=dict(outcome.values), curves=curves)


def _kept_seed(root: Path, claim: Claim, seed: int, code: str) -> Seed | None:
    """The outcome of a seed that an earlier run finished with the same code."""
    try:
        kept = msgspec.json.decode(_seed_path(root, claim, seed).read_bytes(), type=Seed)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return kept if kept.code == code else None


def _seed_path(root: Path, claim: Claim, seed: int) -> Path:
    return seeds_folder(root, claim.id) / f"{seed}.json"


def _outcome(kept: Seed) -> Outcome:
    from refimpl.experiments.outcome import Outcome

    return Outcome(kept.values, kept.curves)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
