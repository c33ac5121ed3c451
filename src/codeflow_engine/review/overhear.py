"""Overhear: what other programs say on the host of a change becomes findings.

| in a thread | becomes |
|---|---|
| who began it | the source, `bot:<login>`, and the rule, `bot:<login>/comment` |
| first line with words | the title |
| text of the comment that began it | the message, without what a host does not show |
| side and lines | side and lines; with none it speaks of the whole file |
| words such as `injection`, `slow`, `typo` | the category, else `correctness` |

The severity is always `medium` and the confidence one half: what such a text says of itself,
somebody else may have talked it into. Only threads of bots that are asked for are heard, as
long as they are open and stand at the code as it is. A thread that the engine began is never
one of them. What stands in them is data; it reaches no prompt.

Nobody can tell what a bot has looked at, so every unit is declined: none is ever reviewed by
what a bot has said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from codeflow_engine.domain.diff import Unit
from codeflow_engine.domain.discussion import Thread
from codeflow_engine.domain.finding import Category, RawFinding, Severity
from codeflow_engine.domain.source import BOT, SourceReport
from codeflow_engine.reports.inert import cut
from codeflow_engine.reports.visible import escape

__all__ = ["Discussion", "overhear", "remarks", "speakers"]

_NO_PROOF: Final = "a comment on the host does not say what was examined"
_BODY: Final = 4_000
"""Characters of a comment that are looked at."""

_TITLE: Final = 120
_MESSAGE: Final = 2_000
_CONFIDENCE: Final = 0.5
_UNSHOWN: Final = re.compile(r"<!--.*?(?:-->|\Z)|</?[A-Za-z][^<>\n]{0,200}>", re.DOTALL)
_EDGES: Final = "#*_>`~|-=+ \t"
_WORD: Final = re.compile(r"[a-z]+")
_TOLD: Final = {
    Category.SECURITY: "csrf credential credentials escaping exploit exploitable injection"
    " insecure leaked password sanitise sanitize secret secrets security ssrf token traversal"
    " unsafe untrusted vulnerability vulnerable xss",
    Category.PERFORMANCE: "allocation allocations latency performance quadratic slow slower",
    Category.RELIABILITY: "deadlock flaky hang hangs leak leaks race retries retry timeout",
    Category.TESTING: "assertion coverage test tests untested",
    Category.DOCUMENTATION: "comment docs docstring documentation typo",
    Category.STYLE: "formatting indentation naming nit nitpick style",
}
_WORDS: Final = {category: frozenset(words.split()) for category, words in _TOLD.items()}
"""Words that tell a category; the first category with one of its words in the text counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discussion:
    """What a review takes up of what is said about its change."""

    remarks: tuple[Thread, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    """What could not be heard, counted by reason."""


def remarks(threads: Iterable[Thread], bots: Iterable[str]) -> tuple[Thread, ...]:
    """Choose the threads that some bots began and that still stand, cut to what is looked at.

    Args:
        threads: All threads of a change.
        bots: Logins of the bots that are heard, with or without `[bot]`, in any case.
    """
    threads = tuple(threads)
    # The engine's own account is none of them, also where a marker of it is gone.
    ours = {_speaker(thread) for thread in threads if thread.fingerprint is not None}
    heard = {_plain(login) for login in bots} - {"", *ours}
    return tuple(
        _shortened(thread)
        for thread in threads
        if _speaker(thread) in heard and not (thread.is_resolved or thread.is_outdated)
    )


def speakers(threads: Iterable[Thread]) -> tuple[str, ...]:
    """Name the sources that threads make, each once, sorted."""
    return tuple(sorted({BOT + _speaker(thread) for thread in threads}))


def overhear(threads: tuple[Thread, ...], units: tuple[Unit, ...]) -> tuple[SourceReport, ...]:
    """Make a report of what each bot says, in the order of their names.

    Args:
        threads: What `remarks` has chosen.
        units: Those that are under review.
    """
    by_source: dict[str, list[RawFinding]] = {name: [] for name in speakers(threads)}
    for thread in threads:
        by_source[BOT + _speaker(thread)].append(_finding(thread))
    declined = tuple((unit, _NO_PROOF) for unit in units)
    return tuple(
        SourceReport(
            source=name, findings=tuple(findings), reported=len(findings), declined=declined
        )
        for name, findings in by_source.items()
    )


def _plain(login: str) -> str:
    """Give the form in which logins are compared: a host's interfaces differ in the suffix."""
    return login.strip().casefold().removesuffix("[bot]")


def _speaker(thread: Thread) -> str:
    """Name the bot that began a thread; nothing where none did."""
    author = thread.comments[0].author if thread.comments else None
    return _plain(author.login) if author is not None and author.is_bot else ""


def _shortened(thread: Thread) -> Thread:
    first = thread.comments[0]
    return replace(thread, comments=(replace(first, body=first.body[:_BODY], disliked_by=()),))


def _finding(thread: Thread) -> RawFinding:
    text = _UNSHOWN.sub("", thread.comments[0].body[:_BODY])
    rows = [escape(" ".join(row.split())) for row in text.splitlines()]
    titles = (row.strip(_EDGES) for row in rows)
    title = next((row for row in titles if any(map(str.isalnum, row))), "")
    return RawFinding(
        rule="comment",
        severity=Severity.MEDIUM,
        category=_category(text),
        title=cut(title, _TITLE) or f"A comment of {_speaker(thread)}",
        message=cut("\n".join(rows).strip("\n"), _MESSAGE),
        path=thread.path,
        side=thread.side,
        line=thread.line,
        end_line=thread.end_line,
        confidence=_CONFIDENCE,
    )


def _category(text: str) -> Category:
    words = frozenset(_WORD.findall(text.casefold()))
    told = (category for category, known in _WORDS.items() if words & known)
    return next(told, Category.CORRECTNESS)
