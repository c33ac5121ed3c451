"""Where two recordings part."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from codeflow_engine.cassette.entry import Call, Entry
from codeflow_engine.reports.visible import escape

if TYPE_CHECKING:
    from codeflow_engine.cassette.file import Cassette

__all__ = ["Divergence", "differences", "first_divergence"]

_CHANCE: Final = frozenset({"run_id", "response_id", "last_run"})
"""Fields that are new in each run, and say nothing of it."""

_TIMES: Final = frozenset({"run", "clock"})
"""Kinds of entries that hold ids and readings of the clock."""

_TOLD: Final = 120
"""Characters of a value that are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """The first thing in which two recordings differ."""

    call: Call | None
    """What was asked, in the recording that did; None where the settings differ."""

    how: str
    """`settings`, `asked` (one of them asked otherwise, or not at all) or `answered`."""

    place: str = ""
    """Where in what was asked or answered, such as `messages[1].text line 12`."""

    one: Any = None
    """What stands there in the first recording; None where there is nothing."""

    other: Any = None
    """Likewise in the second."""

    def __str__(self) -> str:
        head = "settings" if self.call is None else f"{self.call}, {self.how}"
        where = f"{head}: {self.place}" if self.place else head
        return escape(f"{where}: {_short(self.one)} -> {_short(self.other)}")


def first_divergence(one: Cassette, other: Cassette) -> Divergence | None:
    """Find the first thing in which two recordings differ; None where nothing does.

    Settings come first, then the entries in the order of the file. Readings of the clock and
    ids, which are new in each run, do not count.

    Args:
        one: A recording.
        other: Another one.
    """
    for where, mine, yours in differences(one.settings, other.settings):
        return Divergence(call=None, how="settings", place=where, one=mine, other=yours)
    ours, theirs = _by_place(one), _by_place(other)
    for place in sorted({*ours, *theirs}):
        left, right = ours.get(place), theirs.get(place)
        if left is not None and right is not None:
            for where, mine, yours in differences(_answer(left), _answer(right)):
                return Divergence(
                    call=left.call, how="answered", place=where, one=mine, other=yours
                )
        elif left is not None:
            return _asked(left, _like(left, theirs, ours), is_first=True)
        elif right is not None:
            return _asked(right, _like(right, ours, theirs), is_first=False)
    return None


def _by_place(cassette: Cassette) -> dict[tuple[Any, ...], Entry]:
    return {entry.place: entry for entry in cassette.entries if entry.call.kind not in _TIMES}


def _like(entry: Entry, others: Mapping[Any, Entry], known: Mapping[Any, Entry]) -> Entry | None:
    """Find what the other recording asked in the place of something, if it did."""
    call = entry.call
    for place, one in sorted(others.items()):
        same = (one.call.kind, one.call.name, one.call.method) == (
            call.kind,
            call.name,
            call.method,
        )
        if same and one.call.about == call.about and place not in known:
            return one
    return None


def _asked(entry: Entry, like: Entry | None, *, is_first: bool) -> Divergence:
    mine, yours = entry.call.asked, None if like is None else like.call.asked
    place = ""
    if like is not None:
        for where, left, right in differences(mine, yours):
            place, mine, yours = where, left, right
            break
    one, other = (mine, yours) if is_first else (yours, mine)
    return Divergence(call=entry.call, how="asked", place=place, one=one, other=other)


def _answer(entry: Entry) -> Any:
    if entry.failure is not None:
        return {"failure": json.loads(entry.failure)}
    parts = [part.decode("utf-8", "backslashreplace") for part in entry.parts]
    return {"value": entry.value, **({"parts": parts} if parts else {})}


def differences(one: Any, other: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Give the places in which two values of plain data differ, in order."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other} - _CHANCE):
            left, right = one.get(key), other.get(key)
            yield from differences(left, right, f"{place}.{key}" if place else key)
    elif isinstance(one, list | tuple) and isinstance(other, list | tuple):
        for index, (left, right) in enumerate(zip_longest(one, other)):
            yield from differences(left, right, f"{place}[{index}]")
    elif isinstance(one, str) and isinstance(other, str) and "\n" in one + other:
        rows = zip_longest(one.split("\n"), other.split("\n"))
        for number, (mine, yours) in enumerate(rows, start=1):
            if mine != yours:
                yield f"{place} line {number}", mine, yours
    elif one != other or type(one) is not type(other):
        yield place, one, other


def _short(value: Any) -> str:
    told = json.dumps(value, ensure_ascii=False) if value is not None else "nothing"
    return told if len(told) <= _TOLD else f"{told[:_TOLD]}…"
