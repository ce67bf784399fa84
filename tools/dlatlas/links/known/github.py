"""GitHub: repositories that were renamed, archived or deleted, and files whose branch has another name today.

With a token the API is asked (https://docs.github.com/rest/repos/repos), once for all links to a repository; without one,
and for files, the pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dlatlas.links.fetch import Answer
from dlatlas.links.known.link import Link, but, parts_of, told
from dlatlas.links.options import Options
from dlatlas.links.result import Result
from dlatlas.links.steps import Asking, Steps, ask_json, page

API = "https://api.github.com/"
SITE = "https://github.com/"

NOT_OWNERS = re.compile(
    r"about|apps|collections|contact|enterprise|explore|features|issues|login|marketplace|notifications|orgs|pricing|pulls"
    r"|search|security|settings|sponsors|stars|team|topics|trending|users",
    re.I,
)
"""First parts of addresses that are pages of GitHub itself."""

BANNER = re.compile(rb"this repository (?:has been|was) archived by the owner", re.I)
DEFAULT_BRANCH = re.compile(r'"defaultBranch":"([^"\\]+)"')
WITHIN = 512 << 10
"""Bytes of a page within which its banner stands."""


@dataclass(frozen=True)
class Repository:
    """What the API says."""

    name: str
    archived: bool
    branch: str


def recognize(url: str) -> str | None:
    """``owner/name``, in lower case."""
    host, parts = parts_of(url)
    names = [part for part in parts.path.split("/") if part]
    if host != "github.com" or len(names) < 2 or NOT_OWNERS.fullmatch(names[0]):
        return None
    return f"{names[0]}/{names[1].removesuffix('.git')}".lower()


def steps(links: Sequence[Link], options: Options) -> Iterator[Steps]:
    repositories: dict[str, list[Link]] = {}
    for link in links:
        repositories.setdefault(link.key, []).append(link)
    for key, found in repositories.items():
        yield _repository(key, found, options)


def _repository(key: str, links: Sequence[Link], options: Options) -> Steps:
    known = yield from _ask(key, options.github_token)
    if isinstance(known, Answer) and known.status == 451:
        return [result for link in links for result in told(link, "blocked", "legal", 451)]
    repository = known if isinstance(known, Repository) else None
    results: list[Result] = []
    for link in links:
        if repository is not None and not _below(link):
            results += _judged(link, key, repository)
        else:
            results += yield from _by_page(link, repository, options)
    return results


def _below(link: Link) -> list[str]:
    """The parts of an address below its repository."""
    return [part for part in parts_of(link.urls[0])[1].path.split("/") if part][2:]


def _ask(key: str, token: str | None) -> Asking[Repository | Answer | None]:
    """What the API says of a repository; the answer itself where that is a refusal, None where it was not asked."""
    if token is None:
        return None
    headers = {"Authorization": f"Bearer {token}", "X-GitHub-Api-Version": "2022-11-28"}
    url = f"{API}repos/{key}"
    for _ in range(3):
        answer, data = yield from ask_json(url, **headers)
        if answer.location is None or not answer.location.startswith(API):  # the token is for the API alone
            break
        url = answer.location
    if answer.status == 200 and isinstance(data, dict) and isinstance(data.get("full_name"), str):
        return Repository(data["full_name"], bool(data.get("archived")), str(data.get("default_branch", "")))
    return answer


def _judged(link: Link, key: str, repository: Repository) -> list[Result]:
    if repository.name.lower() != key:
        return told(link, "moved", "renamed", 200, SITE + repository.name)
    return told(link, "ok", "archived" if repository.archived else "repository", 200)


def _by_page(link: Link, repository: Repository | None, options: Options) -> Steps:
    results, last = yield from page(link.urls, options, most=WITHIN, enough=_has_banner)
    if results[0].verdict == "gone" and (found := (yield from _on_default_branch(link, repository, options))):
        return [replace(result, verdict="moved", reason="default-branch", final_url=found) for result in results]
    archived = repository.archived if repository is not None else _has_banner(last.text.encode())
    return but(results, "archived") if archived else results


def _has_banner(data: bytes | bytearray) -> bool:
    return BANNER.search(data) is not None


def _on_default_branch(link: Link, repository: Repository | None, options: Options) -> Asking[str | None]:
    """Where a file or folder is on the branch that is the default today; ``HEAD`` stands for it where its name is not known."""
    below = _below(link)
    if len(below) < 3 or below[0] not in ("blob", "tree", "raw"):
        return None
    branch = repository.branch if repository and repository.branch else "HEAD"
    if below[1] == branch:
        return None
    owner_and_name = "/".join(parts_of(link.urls[0])[1].path.strip("/").split("/")[:2])
    place = "/".join([SITE + owner_and_name, below[0], branch, *below[2:]])
    results, last = yield from page([place], options)
    if results[0].verdict not in ("ok", "moved"):
        return None
    named = DEFAULT_BRANCH.search(last.text)
    return place.replace("/HEAD/", f"/{named[1]}/", 1) if named and branch == "HEAD" else place
