"""Heed: understand what people say about findings, in the threads that the engine began.

Only people count who may write to the repository, as the host of the change says; no bot, and
not the account that the engine writes as. A thread is about a finding where that account began
it; a marker in anybody else's text makes no thread the engine's.

| in a thread | means |
|---|---|
| an answer that begins with `/codeflow dismiss`, and a reason | dismissed |
| an answer that begins with a phrase of `PHRASES`, alone or before its reason | dismissed |
| an answer that begins with `/codeflow reopen` | taken back |
| a thumb down on the comment that began it | dismissed |
| the thread resolved, while the code is still what the comment was about | dismissed |
| the thread resolved, and the code has changed since | nothing: it is said to be mended |

Of several answers the last one counts. A host does not say when a thumb was given or a thread
resolved, so both count as given when the comment came: every answer is later. A phrase in a
line that ends in a question mark asks, and dismisses nothing; nor does one that is the beginning
of a longer sentence. Its reason follows a mark such as a colon, or begins with `because`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from codeflow_engine.domain.discussion import Comment, Person, Thread
from codeflow_engine.domain.dismissal import Dismissal, DismissalScope
from codeflow_engine.redaction import Redactor

__all__ = ["PHRASES", "Said", "Weighed", "Word", "heed", "weigh"]

PHRASES: Final = (
    "false positive",
    "won't fix",
    "wontfix",
    "not a bug",
    "by design",
    "as intended",
    "intended",
)
"""What an answer that dismisses a finding may begin with, in any case."""

_COMMAND: Final = re.compile(
    r"/codeflow[ \t]+(dismiss|reopen)(?:[ \t:,]|\Z)[ \t:,-]*", re.IGNORECASE
)
_PHRASE: Final = re.compile(
    # Whatever goes on after one is another sentence: "not a bug in itself, but please mend it".
    "("
    + "|".join(PHRASES).replace("'", "['\u2019]").replace(" ", "[ \\t]+")
    + r")[ \t]*(?:[.,:;!\u2013\u2014]|[ \t]-|\Z|(?=\bbecause\b|\bsince\b))[ \t.,:;!\u2013\u2014-]*",
    re.IGNORECASE,
)
_REASON: Final = 500
"""Characters of a reason that are kept."""


class Said(StrEnum):
    """What a thread says of its finding."""

    DISMISSED = "dismissed"
    REOPENED = "reopened"
    NOTHING = "nothing"
    """Nobody says anything of the kind, whoever they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What counts of all that is said about a finding."""

    fingerprint: str
    thread: str
    said: Said
    at: datetime
    """When it was said; of what has no time, when the thread began."""

    author: str = ""
    reason: str = ""
    """One line, without secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What follows from words for what is kept."""

    put: tuple[Dismissal, ...] = ()
    removed: tuple[Dismissal, ...] = ()


def heed(threads: Iterable[Thread], redactor: Redactor) -> tuple[Word, ...]:
    """Find the words that count for each finding, sorted by their fingerprints.

    That is the last one; or, where nobody says anything, one from each of its threads.

    Args:
        threads: All threads of a change.
        redactor: Takes secrets out of reasons and logins.
    """
    said: dict[str, list[Word]] = {}
    for thread in threads:
        if thread.fingerprint and thread.comments:
            said.setdefault(thread.fingerprint, []).extend(_words(thread, redactor))
    return tuple(word for name in sorted(said) for word in _counting(said[name]))


def weigh(words: Iterable[Word], held: Iterable[Dismissal], change: str) -> Weighed:
    """Decide which dismissals of a change to keep, and which to remove.

    A word counts only where it is later than what is held: what somebody has dismissed, or
    taken back, in another way since then stays so. Weighed again, the same words change
    nothing.

    Args:
        words: What `heed` gave.
        held: What the storage has for their fingerprints, of any scope.
        change: Key of the change that the threads are about.
    """
    here = {
        one.fingerprint: one
        for one in held
        if one.scope is DismissalScope.CHANGE and one.where == change
    }
    put: list[Dismissal] = []
    removed: list[Dismissal] = []
    for word in words:
        known = here.get(word.fingerprint)
        if word.said is Said.NOTHING:
            if known and known.thread == word.thread and not known.is_taken_back:
                removed.append(known)
        elif known and known.created_at >= word.at:
            continue
        elif word.said is Said.DISMISSED:
            put.append(_dismissal(word, change))
        elif known:
            put.append(known.taken_back(word.at))
    return Weighed(put=tuple(put), removed=tuple(removed))


def _dismissal(word: Word, where: str) -> Dismissal:
    return Dismissal(
        fingerprint=word.fingerprint,
        scope=DismissalScope.CHANGE,
        where=where,
        reason=word.reason,
        author=word.author,
        created_at=word.at,
        thread=word.thread,
    )


def _counting(words: Sequence[Word]) -> Sequence[Word]:
    spoken = [word for word in words if word.said is not Said.NOTHING]
    # Of two words of one moment, the one that stands later counts.
    return [max(reversed(spoken), key=lambda word: word.at)] if spoken else words


def _words(thread: Thread, redactor: Redactor) -> Iterator[Word]:
    """Give what a thread says, in its order."""
    ours, *answers = thread.comments
    is_silent = not (thread.is_resolved or ours.disliked_by)
    for told in _marks(thread, ours):
        yield _word(thread, Said.DISMISSED, ours.at, redactor, told)
    for answer in answers:
        said, reason = _understood(answer.body)
        is_silent = is_silent and said is Said.NOTHING
        if said is not Said.NOTHING and (author := _counts(answer.author, ours)):
            yield _word(thread, said, answer.at, redactor, (author, reason))
    if is_silent:
        yield _word(thread, Said.NOTHING, ours.at, redactor)


def _word(
    thread: Thread,
    said: Said,
    at: datetime,
    redactor: Redactor,
    told: tuple[str, str] = ("", ""),
) -> Word:
    author, reason = told
    # Redacted before it is cut: half of a secret would not be known as one.
    flat = " ".join(redactor.redact(reason).split())
    return Word(
        fingerprint=thread.fingerprint or "",
        thread=thread.id,
        said=said,
        at=at,
        author=redactor.redact(author),
        reason=flat if len(flat) <= _REASON else flat[: _REASON - 3] + "...",
    )


def _marks(thread: Thread, ours: Comment) -> Iterator[tuple[str, str]]:
    """Give who has dismissed the finding without a word."""
    down = sorted(login for one in ours.disliked_by if (login := _counts(one, ours)))
    if down:
        yield down[0], "a thumb down on the comment"
    if thread.is_resolved and not thread.is_outdated:
        login = _counts(thread.resolved_by, ours)
        if login:
            yield login, "its thread was resolved"


def _counts(person: Person | None, ours: Comment) -> str:
    """Give the login of somebody whose word counts; nothing of anybody else."""
    if person is None or person.is_bot or not person.may_write:
        return ""
    own = ours.author.login if ours.author else ""
    return "" if person.login.casefold() == own.casefold() else person.login.strip()


def _understood(body: str) -> tuple[Said, str]:
    """Read an answer: what it says, and its reason."""
    first, *_ = body.strip().splitlines() or [""]
    command = _COMMAND.match(first)
    if command:
        is_back = command[1].lower() == "reopen"
        reason = first[command.end() :].strip() or "dismissed in an answer"
        return (Said.REOPENED if is_back else Said.DISMISSED), reason
    phrase = _PHRASE.match(first)
    if phrase is None or first.rstrip().endswith("?"):
        return Said.NOTHING, ""
    rest = first[phrase.end() :].strip()
    return Said.DISMISSED, f"{phrase[1].lower()}: {rest}" if rest else phrase[1].lower()
