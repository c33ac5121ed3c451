"""A pull request as a change: what it says, and the whole diff between two pinned commits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from codeflow_engine.domain.change import INDEX, WORKTREE, Change, ChangeRequest
from codeflow_engine.domain.diff import Diff, DiffFile
from codeflow_engine.errors import (
    ChangeUnavailableError,
    ConfigurationError,
    DiffError,
    InvalidResponseError,
    ProviderError,
)
from codeflow_engine.providers.vcs.git.disk import shown
from codeflow_engine.providers.vcs.git.reading import raw_path
from codeflow_engine.providers.vcs.github.binaries import are_binary
from codeflow_engine.providers.vcs.github.client import Client
from codeflow_engine.providers.vcs.github.errors import TOO_LARGE, Asked, malformed, status_of
from codeflow_engine.providers.vcs.github.listing import list_diff
from codeflow_engine.providers.vcs.github.source import Source
from codeflow_engine.providers.vcs.github.target import (
    FULL_ID,
    Target,
    check_revision,
    is_repository,
)
from codeflow_engine.providers.vcs.github.together import together

__all__ = ["Pull", "check", "fetch", "read_pull"]

_DIFF: Final = "application/vnd.github.diff"
_SHA: Final = "application/vnd.github.sha"
_ID_BYTES: Final = 1024
_NEEDS: Final = "pull_requests: read"
_CONTENTS: Final = "contents: read"
_TOLD: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """What GitHub says of a pull request."""

    title: str
    description: str
    base: str
    head: str
    files: int | None
    """How many files it changes; None where GitHub does not say."""

    lines: tuple[int, int] | None
    """How many lines it adds and removes; None where GitHub does not say."""

    repository: str
    """What the repository is called now, in its own letters."""


async def fetch(source: Source, target: Target, pull: Pull, request: ChangeRequest) -> Change:
    """Read a change, as `contracts.vcs.VCS.fetch_change` says.

    The diff goes from where the head parted from the base to the head, and is asked for by
    their full ids: a push meanwhile changes nothing.
    """
    old, new = await together(
        _resolve(source, wanted, known)
        for wanted, known in ((request.base, pull.base), (request.head, pull.head))
    )
    base = await _merge_base(source, old, new)
    own = (old, new) == (pull.base, pull.head)
    diff = await _diff(source, target, (base, new), pull if own else None)
    key = target.text if request.base is None else f"{target.text} against {request.base}"
    return Change(
        provider="github",
        target=target.text,
        title=pull.title,
        description=pull.description,
        base=base,
        head=new,
        key=key,
        diff=diff,
    )


def check(request: ChangeRequest) -> None:
    """Look whether GitHub can be asked for the revisions of a request.

    Raises:
        ChangeUnavailableError: No revision is called so.
        ConfigurationError: It asks for what only a working tree has.
    """
    for revision in (request.base, request.head):
        if revision in {WORKTREE, INDEX}:
            raise ConfigurationError(f"a pull request has no {revision}: name a commit or nothing")
        if revision is not None:
            check_revision(revision)


async def read_pull(client: Client, target: Target) -> Pull:
    """Ask for a pull request, open or not.

    Raises:
        ProviderError: It is not there, or GitHub fails.
    """
    path = f"/repos/{target.repository}/pulls/{target.number}"
    answer = await client.request("GET", path, needs=_NEEDS)
    told = answer.body
    base, head = _side(told, "base"), _side(told, "head")
    repository = _repository(told)
    title = told.get("title") if isinstance(told, dict) else None
    files = told.get("changed_files") if isinstance(told, dict) else None
    body = told.get("body") if isinstance(told, dict) else None
    if base is None or head is None or not isinstance(title, str):
        raise malformed(Asked(method="GET", path=path), "no pull request")
    if not isinstance(body, str | None):
        raise malformed(Asked(method="GET", path=path), "a description that is no text")
    description = body or ""
    if len(description) > _TOLD:
        description = f"{description[:_TOLD]}\n[cut]"
    return Pull(
        title=title,
        description=description,
        base=base,
        head=head,
        files=files if isinstance(files, int) else None,
        lines=_lines(told),
        repository=target.repository if repository is None else repository,
    )


def _lines(told: Any) -> tuple[int, int] | None:
    counts = told.get("additions"), told.get("deletions")
    return counts if isinstance(counts[0], int) and isinstance(counts[1], int) else None


def _repository(told: Any) -> str | None:
    base = told.get("base") if isinstance(told, Mapping) else None
    found = base.get("repo") if isinstance(base, Mapping) else None
    name = found.get("full_name") if isinstance(found, Mapping) else None
    return name if isinstance(name, str) and is_repository(name) else None


def _side(told: Any, side: str) -> str | None:
    found = told.get(side) if isinstance(told, Mapping) else None
    sha = found.get("sha") if isinstance(found, Mapping) else None
    return sha if isinstance(sha, str) and FULL_ID.fullmatch(sha) else None


async def _resolve(source: Source, wanted: str | None, known: str) -> str:
    """Give the full id of a commit that a caller has named, or the pull request's own."""
    if wanted is None:
        return known
    path = f"/repos/{source.client.repository}/commits/{quote(wanted)}"
    try:
        told = await source.client.raw(path, accept=_SHA, limit=_ID_BYTES, needs=_CONTENTS)
    except ChangeUnavailableError as error:
        raise ChangeUnavailableError(
            f"{source.client.repository} has no commit {shown(wanted)} ({error.message})"
        ) from error
    found = told.decode("ascii", "replace").strip()
    if FULL_ID.fullmatch(found) is None:
        raise malformed(Asked(method="GET", path=path), "no id of a commit")
    return found


async def _merge_base(source: Source, old: str, new: str) -> str:
    """Find where two commits parted.

    Files and their patches come with the first page of a comparison alone, commits with each.
    """
    path = f"/repos/{source.client.repository}/compare/{old}...{new}"
    answer = await source.client.request(
        "GET", path, parameters={"per_page": 1, "page": 2}, needs=_CONTENTS
    )
    found = answer.body.get("merge_base_commit") if isinstance(answer.body, dict) else None
    sha = found.get("sha") if isinstance(found, dict) else None
    if not isinstance(sha, str) or FULL_ID.fullmatch(sha) is None:
        raise malformed(Asked(method="GET", path=path), "no merge base")
    return sha


async def _diff(
    source: Source, target: Target, commits: tuple[str, str], told: Pull | None
) -> Diff:
    """Get the diff whole: as GitHub writes it, or lists it, or as git does.

    Args:
        source: The repository.
        target: The pull request.
        commits: Full ids of base and head.
        told: What GitHub says of the pull request; None where it is another comparison.
    """
    base, head = commits
    if base == head:
        return Diff.parse(b"")
    diff = await _as_told(source, base, head)
    if diff is not None:
        if await _is_whole(source, diff, commits, told):
            return diff
    elif told is not None and told.files is not None:
        diff = await list_diff(source, target, commits, told.files)
        if diff is not None:
            return diff
    async with source.clone(base, head) as clone:
        text = await clone.diff(base, head)
    try:
        return await asyncio.to_thread(Diff.parse, text)
    except DiffError as error:
        raise InvalidResponseError(f"git wrote an unknown form of diff: {error}") from error


async def _as_told(source: Source, base: str, head: str) -> Diff | None:
    """Read the diff that GitHub writes; None where it gives none that can be used."""
    path = f"/repos/{source.client.repository}/compare/{base}...{head}"
    limit = source.settings.max_diff_bytes
    try:
        text = await source.client.raw(path, accept=_DIFF, limit=limit, needs=_CONTENTS)
    except ProviderError as error:
        if error.kind != TOO_LARGE:
            raise
        if status_of(error) is None:  # our own limit, which git's diff would pass as well
            raise ChangeUnavailableError(
                f"the diff is larger than {limit} bytes: raise max_diff_bytes of github"
            ) from error
        return None
    if text and not text.endswith(b"\n"):
        return None  # each line of a diff ends: this one was cut
    try:
        return await asyncio.to_thread(Diff.parse, text)
    except DiffError:
        return None  # a form that git does not write: git's own says what it means


async def _is_whole(
    source: Source, diff: Diff, commits: tuple[str, str], told: Pull | None
) -> bool:
    """Say whether a diff of GitHub shows everything.

    It has fewer files or other numbers of lines than there are where it was cut, entries that it
    does not show, and text that it calls binary where an attribute of the change says so.
    """
    if told is not None and told.files is not None and len(diff.files) < told.files:
        return False
    lines = sum(file.added for file in diff.files), sum(file.deleted for file in diff.files)
    if told is not None and told.lines not in {None, lines}:
        return False
    if any(file.unsupported for file in diff.files):
        return False
    binary = [file for file in diff.files if file.is_binary]
    ids = await _blobs(source, binary, commits)
    return ids is not None and await are_binary(source, ids)


async def _blobs(
    source: Source, files: Sequence[DiffFile], commits: tuple[str, str]
) -> list[set[str]] | None:
    """Find the blobs of files that are said to be binary; None where git has to tell."""
    ids: list[set[str]] = [set() for _ in files]
    for at, commit in enumerate(commits):
        sides = [(file.old_path, file.new_path)[at] for file in files]
        paths = {path for path in sides if path is not None}
        if any(raw_path(path) is None or not path.isprintable() for path in paths):
            return None  # JSON may not tell it as it is
        places = await source.trees.find(source.client, commit, paths)
        if places is None or len(places) < len(paths):
            return None
        for path, found in zip(sides, ids, strict=True):
            if path is not None:
                found.add(places[path].id)
    return ids
