"""What people and programs say on a host, for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from codeflow_engine.domain.discussion import Comment, Person, Thread

__all__ = ["ANN", "BEGAN", "BOT", "OURS", "STRANGER", "answer", "minutes", "remark", "thread"]

OURS = Person(login="codeflow[bot]", is_bot=True, may_write=True)
ANN = Person(login="Ann", may_write=True)
STRANGER = Person(login="mallory")
BOT = Person(login="helper[bot]", is_bot=True, may_write=True)
BEGAN = datetime(2026, 11, 2, 12, tzinfo=UTC)


def minutes(count: float) -> datetime:
    """Give a moment after the threads began."""
    return BEGAN + timedelta(minutes=count)


def answer(body: str, *, author: Person | None = ANN, at: datetime | None = None) -> Comment:
    return Comment(id=f"c-{body[:20]}", author=author, body=body, at=at or minutes(1))


def thread(
    fingerprint: str | None,
    *answers: Comment,
    ours: Person = OURS,
    disliked_by: tuple[Person, ...] = (),
    **more: Any,
) -> Thread:
    """Make a thread that the engine began about a finding."""
    first = Comment(id="c-0", author=ours, body="Look at this.", at=BEGAN, disliked_by=disliked_by)
    given: dict[str, Any] = {"id": f"t-{fingerprint}", "path": "a.py", "line": 2, **more}
    return Thread(fingerprint=fingerprint, comments=(first, *answers), **given)


def remark(body: str, *, author: Person | None = BOT, **more: Any) -> Thread:
    """Make a thread that somebody else began."""
    first = Comment(id="c-0", author=author, body=body, at=BEGAN)
    given: dict[str, Any] = {"id": f"t-{body[:20]}", "path": "a.py", "line": 2, **more}
    return Thread(comments=(first,), **given)
