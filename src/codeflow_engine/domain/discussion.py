"""What people and programs say about a change on its host: threads beside the code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from codeflow_engine.domain.diff import Side

__all__ = ["Comment", "Person", "Thread"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whoever has an account on the host."""

    login: str
    is_bot: bool = False
    """Whether a program stands behind the account, as its host says."""

    may_write: bool = False
    """Whether the account may push to the repository; False where the host does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A text that somebody has posted; data from its author."""

    id: str
    """In the host's words."""

    author: Person | None
    """None where the account is gone."""

    body: str
    at: datetime
    disliked_by: tuple[Person, ...] = ()
    """Who has answered with a thumb down."""

    def __post_init__(self) -> None:
        if self.at.utcoffset() is None:
            raise ValueError("the time of a comment has a time zone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """Comments on one place of a change."""

    id: str
    """In the host's words."""

    path: str
    side: Side = Side.NEW
    line: int | None = None
    """First line in the current head, counted from 1; None where it stands there no more, or
    the thread is about the whole file."""

    end_line: int | None = None
    """Last line, inclusive."""

    is_resolved: bool = False
    resolved_by: Person | None = None
    """None where it is not resolved, or the account is gone."""

    is_outdated: bool = False
    """Whether the code it stood at has changed since."""

    fingerprint: str | None = None
    """Finding that it is about, where the engine's own account began it; None for a thread of
    somebody else, whatever stands in it."""

    comments: tuple[Comment, ...] = ()
    """In the order in which they came; the first one began the thread."""
