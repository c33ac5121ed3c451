"""The VCS backend of local repositories."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, override

from codeflow_engine.contracts.vcs import VCS
from codeflow_engine.domain.change import INDEX, WORKTREE, Change, ChangeRequest, FileContent
from codeflow_engine.domain.diff import Diff, Side
from codeflow_engine.errors import DiffError, InvalidResponseError
from codeflow_engine.providers.vcs.git.discovery import discover
from codeflow_engine.providers.vcs.git.disk import in_thread
from codeflow_engine.providers.vcs.git.plumbing import Caps, Plumbing
from codeflow_engine.providers.vcs.git.reading import read
from codeflow_engine.providers.vcs.git.revisions import compare
from codeflow_engine.providers.vcs.git.snapshot import Snapshot, take
from codeflow_engine.sandbox import Sandbox

__all__ = ["Git", "GitSettings"]

_MIB: Final = 1024 * 1024
_NAMED: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class GitSettings:
    """Settings of the git backend."""

    git: str = "git"
    """Path or name of the program."""

    trusted: tuple[str, ...] = ()
    """Directories outside of a repository that it may lead to, such as the repository that
    `git clone --reference` borrows objects of."""

    max_diff_bytes: int = 256 * _MIB
    """Largest diff."""

    max_file_bytes: int = 16 * _MIB
    """Largest file whose content is compared."""

    max_untracked: int = 10_000
    """Most files that are not tracked and not ignored."""

    timeout: float = 120.0
    """Seconds that one run of git may take."""


_DEFAULT: Final = GitSettings()


class Git(VCS):
    """Changes of a repository on this machine.

    `target` is a directory; the repository that it lies in is reviewed as a whole. What
    is compared, where a revision is what `git rev-parse` takes (without reflogs and
    upstreams, which are configuration):

    | base | head | the change |
    |---|---|---|
    | - | - | the working tree against HEAD |
    | - | `WORKTREE`, `INDEX` | the working tree, or what is staged, against HEAD |
    | - | a revision | that commit against its first parent |
    | a revision | - | HEAD, since it parted from the base |
    | a revision | a revision | the head, since it parted from the base |
    | a revision | `WORKTREE`, `INDEX` | the same, since HEAD parted from the base |

    A first commit, and a branch without commits, are compared with the empty tree. The
    working tree is what is on disk: staged, unstaged, and untracked but not ignored
    (by `.gitignore` and `info/exclude`; a user's own list of ignored names is not read).
    A path in conflict is there with its file. Files that a sparse checkout leaves out, or
    that `update-index --assume-unchanged` names, count as unchanged. A repository inside
    the tree counts as the commit that it stands on.

    Git never runs under the repository's configuration, and never in its directories: no
    hook, filter, driver or monitor runs, nothing is fetched, no link is followed. Line
    ends, `$Id$` and pointers of Git LFS are therefore worked out here. A file that needs
    another filter, and one larger than `max_file_bytes`, appear as an entry without
    content ("Binary files ... differ"). What leads out of the repository (a `.git` file
    without a way back, borrowed objects) is an error unless `trusted` names the place.

    Needs git 2.33 or later. Tables of refs (`reftable`) are not supported.

    Args:
        settings: The program, what is trusted, and limits.
    """

    def __init__(self, settings: GitSettings = _DEFAULT) -> None:
        self._git = settings.git
        self._trusted = tuple(Path(path) for path in settings.trusted)
        self._caps = Caps(
            diff_bytes=settings.max_diff_bytes,
            file_bytes=settings.max_file_bytes,
            untracked=settings.max_untracked,
            seconds=settings.timeout,
        )

    @override
    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        async with self._plumbing(request.target, sandbox) as plumbing:
            what = await compare(plumbing, request)
            description = what.description
            snapshot = Snapshot(tree=what.new)
            if what.new in {WORKTREE, INDEX}:
                snapshot = await take(plumbing, what.new, old=what.old)
                description = _conflicts(snapshot.unmerged)
            same = snapshot.tree == what.old
            text = b"" if same else await plumbing.diff(what.old, snapshot.tree)
            try:
                diff = await asyncio.to_thread(_parse, text, snapshot.notices)
            except DiffError as error:
                raise InvalidResponseError(f"git wrote an unknown form of diff: {error}") from error
            return Change(
                provider="git",
                target=plumbing.repository.target,
                title=what.title,
                description=description,
                base=what.old,
                head=what.new,
                key=f"{plumbing.repository.target}#{what.key}",
                diff=diff,
            )

    @override
    async def read_files(
        self, change: Change, paths: Sequence[str], *, side: Side, limit: int, sandbox: Sandbox
    ) -> tuple[FileContent, ...]:
        async with self._plumbing(change.target, sandbox) as plumbing:
            return await read(plumbing, change, paths, side=side, limit=limit)

    @asynccontextmanager
    async def _plumbing(self, target: str, sandbox: Sandbox) -> AsyncIterator[Plumbing]:
        repository = await in_thread(lambda _: discover(target, self._trusted))
        async with Plumbing.at(
            repository, sandbox=sandbox, git=self._git, caps=self._caps
        ) as plumbing:
            yield plumbing


def _parse(text: bytes, notices: bytes) -> Diff:
    return Diff.parse(text + notices if notices else text)


def _conflicts(paths: Sequence[bytes]) -> str:
    if not paths:
        return ""
    names = [path.decode("utf-8", "replace") for path in paths[:_NAMED]]
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return f"In conflict: {', '.join(names)}{more}"
