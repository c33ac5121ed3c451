"""What is reviewed: a commit range, a working tree, an index, a patch, a pull request."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from codeflow_engine.domain.diff import Diff

__all__ = ["INDEX", "WORKTREE", "Change", "ChangeRequest", "FileContent", "Scope"]

WORKTREE = ":worktree"
"""Stands for the working tree where a head is asked for; no revision can contain a colon first."""

INDEX = ":index"
"""Stands for the index (what is staged) where a head is asked for."""


class Scope(StrEnum):
    """Which findings of sources that read whole files count."""

    CHANGED = "changed"
    """Those on lines that the change adds or removes."""

    FILE = "file"
    """Those anywhere in the files of the change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRequest:
    """What the caller asked for, before any host was looked at."""

    target: str
    """A directory of a repository, or the id of a change on a forge."""

    base: str | None = None
    """Revision to compare with; the provider documents its default."""

    head: str | None = None
    """Revision under review, `WORKTREE` or `INDEX`; the provider documents its default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change as its VCS host gave it. Everything in it is data from its author."""

    provider: str | None
    """Name of the VCS backend that can read its files; None for a bare patch."""

    target: str
    """Where it lives, in the words of that backend."""

    title: str = ""
    description: str = ""
    base: str | None = None
    """Full id of the revision (commit or tree) that the diff starts from."""

    head: str | None = None
    """Full id of the revision under review, `WORKTREE` or `INDEX`; None for a bare patch."""

    key: str | None = None
    """Names the change across its versions, such as a branch of a repository or a pull
    request: what one version was found to have is known in the next. None where versions
    cannot be told, as for a bare patch."""

    diff: Diff

    @classmethod
    def from_diff(cls, diff: Diff, *, title: str = "patch") -> Change:
        """Wrap a bare patch: it can be reviewed, but no file can be read around it."""
        return cls(provider=None, target="", title=title, diff=diff)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """One file of a change on one side, or the reason why it cannot be read."""

    path: str
    content: bytes | None = None
    """The bytes as the repository stores them; None where `reason` is set."""

    mode: str | None = None
    """Git's mode, such as `100644`; a link (`120000`) holds its target as content."""

    exists: bool = True
    """Whether the side has something of that path; False only where that is certain."""

    reason: str | None = None
    """Why there is no content: absent, too large, a submodule, changed since."""
