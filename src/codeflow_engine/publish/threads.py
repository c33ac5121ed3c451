"""Threads of ours: what is told in them already, and which of them are done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codeflow_engine.domain.coverage import CoverageEntry, Outcome, UnitState
from codeflow_engine.domain.discussion import Thread
from codeflow_engine.domain.review import Review
from codeflow_engine.publish.places import is_live
from codeflow_engine.reports import markdown

__all__ = ["Told", "done", "told_in"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Fingerprints of findings that get no comment again."""

    standing: frozenset[str]
    """A thread about them stands open, for everybody to see."""

    settled: frozenset[str]
    """Somebody has resolved a thread about them. Whether that dismisses the finding is not
    decided here; in any case nobody is told the same beside the code again."""

    ended: tuple[tuple[str, str], ...] = ()
    """Fingerprint and thread of those that the engine itself has resolved: told again, it is
    another review, also of the same head."""


def told_in(threads: Sequence[Thread]) -> Told:
    """Say which findings have been told beside the code.

    A thread that the engine itself has resolved counts for nothing: what it was about was
    mended then, and where it is found again, it is told again.
    """
    ours = [(one.fingerprint, one) for one in threads if one.fingerprint is not None]
    return Told(
        standing=frozenset(name for name, one in ours if not one.is_resolved),
        settled=frozenset(name for name, one in ours if one.is_resolved and not _ended_by_us(one)),
        ended=tuple((name, one.id) for name, one in ours if one.is_resolved and _ended_by_us(one)),
    )


def done(review: Review, threads: Sequence[Thread]) -> list[Thread]:
    """List the open threads of ours whose findings are mended or dismissed, in their order.

    Where the review speaks of a finding, it has judged that with care. Where it does not, as
    one whose storage knows no earlier version, silence proves something only if everybody who
    had reported it has looked again at all places where it could be.
    """
    live = {one.fingerprint for one in review.findings if is_live(one)}
    spoken = {one.fingerprint for one in review.findings}
    ledger = _Ledger(review)
    return [
        one
        for one in threads
        if one.fingerprint is not None
        and not one.is_resolved
        and one.fingerprint not in live
        and (one.fingerprint in spoken or ledger.proves_silence(one))
    ]


class _Ledger:
    """What a review has looked at, by file."""

    def __init__(self, review: Review) -> None:
        self._is_complete = review.outcome is Outcome.REVIEWED
        self._files: dict[str, list[CoverageEntry]] = {}
        for entry in review.coverage.entries:
            self._files.setdefault(entry.path, []).append(entry)
        self._everybody = {name for entry in review.coverage.entries for name in entry.by}
        self._dropped = tuple(review.dropped)

    def proves_silence(self, thread: Thread) -> bool:
        """Say whether those who had reported a finding would have reported it again."""
        sources = _sources(thread)
        if not self._is_complete or not sources:
            return False
        if any(reason.startswith(f"{name}: ") for name in sources for reason in self._dropped):
            return False  # it did speak, in words that could not be placed
        entries = self._files.get(thread.path)
        if entries is None:
            # A file that the change no longer has may go on in it under another name.
            return not self._files or sources <= self._everybody
        examined = {name for entry in entries for name in entry.by}
        return sources <= examined and all(one.state is UnitState.REVIEWED for one in entries)


def _sources(thread: Thread) -> set[str]:
    """Read who had reported a finding from the comment that began its thread, which is ours."""
    return set(markdown.sources_of(thread.comments[0].body)) if thread.comments else set()


def _ended_by_us(thread: Thread) -> bool:
    """Say whether the engine has resolved a thread, and nobody else.

    With the account of a person nobody can tell the engine from its owner, whose word counts.
    """
    author = thread.comments[0].author if thread.comments else None
    ender = thread.resolved_by
    if author is None or ender is None:
        return False
    return author.is_bot and author.login == ender.login
