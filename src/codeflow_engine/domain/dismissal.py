"""Dismissals: a person's word that a finding needs no attention."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from codeflow_engine.errors import SerializationError

__all__ = ["Dismissal", "DismissalScope", "dismissals_from_json", "dismissals_to_json"]

_SCHEMA = 1


class DismissalScope(StrEnum):
    """How far a dismissal reaches."""

    CHANGE = "change"
    """All versions of one change; `where` is its `Change.key`."""

    REPOSITORY = "repository"
    """All changes of one repository; `where` is its `Change.target`."""

    TENANT = "tenant"
    """Everything of one tenant; `where` is None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dismissal:
    """One dismissal. There is at most one for a fingerprint, a scope and a place."""

    fingerprint: str
    scope: DismissalScope
    where: str | None = None
    """The change or the repository that it holds for; None for the whole tenant."""

    reason: str
    """Why, in the words of its author; never blank."""

    author: str
    """Who said so."""

    created_at: datetime
    expires_at: datetime | None = None
    """From when on it no longer holds; None for never."""

    rule: str = ""
    """Rule of the finding, for people who read a list of dismissals."""

    path: str = ""
    title: str = ""
    thread: str = ""
    """Thread on the host of the change that it was said in; empty where it was said elsewhere."""

    def __post_init__(self) -> None:
        if not self.fingerprint:
            raise ValueError("a dismissal names a finding by its fingerprint")
        if not self.reason.strip() or not self.author.strip():
            raise ValueError("a dismissal gives a reason and an author")
        if (self.where is None) != (self.scope == DismissalScope.TENANT):
            raise ValueError(f"a dismissal of scope {self.scope} has no such place: {self.where!r}")
        for time in (self.created_at, self.expires_at):
            if time is not None and time.utcoffset() is None:
                raise ValueError("the times of a dismissal have a time zone")

    def holds(self, *, at: datetime, change: str | None, repository: str | None) -> bool:
        """Say whether it holds for a finding of a change at a moment."""
        if self.expires_at is not None and self.expires_at <= at:
            return False
        places = {
            DismissalScope.CHANGE: change,
            DismissalScope.REPOSITORY: repository,
            DismissalScope.TENANT: None,
        }
        return self.where == places[self.scope]

    @property
    def is_taken_back(self) -> bool:
        """Whether it ended in the moment that it began: it holds no more, and never will."""
        return self.expires_at == self.created_at

    def taken_back(self, at: datetime) -> Self:
        """Give what remains of one that somebody takes back.

        The thread that it was said in still says it: what is said there before this moment
        counts no more.
        """
        return replace(self, created_at=at, expires_at=at)


def dismissals_to_json(dismissals: Iterable[Dismissal]) -> dict[str, Any]:
    """Give the form in which dismissals travel, as values that `json.dumps` takes."""
    from codeflow_engine.domain.encoding import to_plain

    return {"schema": _SCHEMA, "dismissals": [to_plain(one) for one in dismissals]}


def dismissals_from_json(data: object) -> tuple[Dismissal, ...]:
    """Read what `dismissals_to_json` gave.

    Raises:
        SerializationError: The data has another schema version or another form.
    """
    from codeflow_engine.domain.encoding import from_plain

    given = data if isinstance(data, Mapping) else {}
    schema = given.get("schema")
    if type(schema) is not int or schema != _SCHEMA or given.keys() != {"schema", "dismissals"}:
        raise SerializationError(f"not a list of dismissals in the form of schema {_SCHEMA}")
    return from_plain(tuple[Dismissal, ...], given["dismissals"])
