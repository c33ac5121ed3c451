"""The Markdown document, and what of it is told where not all of it may be."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.reports.form import conform
from codeflow_engine.reports.inert import code_span, cut, one_line
from codeflow_engine.reports.markdown.finding import full, short
from codeflow_engine.reports.markdown.ledger import (
    excluded,
    numbers,
    path_span,
    settled,
    uncovered,
)
from codeflow_engine.reports.prose import count
from codeflow_engine.reports.summary import (
    SEVERITY_NAMES,
    by_file,
    count_severities,
    coverage_line,
    headline,
    live_and_settled,
)
from codeflow_engine.reports.visible import escape

__all__ = ["LEAST_LIMIT", "LIMIT", "render"]

LIMIT = 65_536
"""Characters that GitHub takes as the body of a comment."""

LEAST_LIMIT = 4_096
"""Enough for the verdict, the counts, the coverage and what is left out, at their longest."""

_LEFT_OUT_ROOM = 400
_LONGEST_TITLE = 120
_LONGEST_REASON = 300
_LONGEST_REVISION = 40
_REVISION = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SHORT = 12


def render(
    review: Mapping[str, Any],
    *,
    limit: int | None = LIMIT,
    beside: Collection[str] = (),
    encoding: str = "utf-8",
) -> str:
    """Render a review, in its JSON form, as Markdown that ends with a line feed.

    The heading says how the review ended and the last line what it covered. Where the limit
    does not hold all, findings lose their text before any is left out, the least severe
    first, and a line above them counts both.

    Args:
        review: What `Review.to_json` gives.
        limit: Most characters of the text, at least 4,096; None for all there is.
        beside: Fingerprints of findings that are told beside the code; here they take a line.
        encoding: Characters that it does not have are escaped.

    Raises:
        SerializationError: The review has another form, or contradicts its own ledger.
        ConfigurationError: The limit is too small to say what has to be said.
    """
    if limit is not None and limit < LEAST_LIMIT:
        raise ConfigurationError(f"a limit of {limit} is less than {LEAST_LIMIT} characters")
    plain = conform(review)
    live, done = live_and_settled(plain)
    entries = plain["coverage"]["entries"]
    top = [*_verdict(plain, encoding), *_change(plain["change"], encoding), _table(live)]
    top += _elsewhere(live, beside)
    bottom = f"**Coverage:** {coverage_line(plain)}"
    room = _Room(limit, [*top, bottom])
    missing = room.take(uncovered(entries, encoding))
    listed = _Listed(live, room, beside, encoding)
    after = [numbers(plain, encoding), excluded(entries, encoding), settled(done, encoding)]
    after = [room.take(section) for section in after]
    sections = [*top, room.told(listed, limit), missing, *listed.sections(), *after, bottom]
    return "\n\n".join(section for section in sections if section) + "\n"


class _Room:
    """The characters that are left."""

    def __init__(self, limit: int | None, needed: Sequence[str]) -> None:
        used = sum(len(section) + 2 for section in needed) + _LEFT_OUT_ROOM
        self.left = None if limit is None else limit - used
        self._sections = 0

    def fits(self, characters: int) -> bool:
        """Take characters where there are that many."""
        if self.left is None:
            return True
        if characters > self.left:
            return False
        self.left -= characters
        return True

    def take(self, section: str) -> str:
        """Give the section where it fits; else nothing, and it is counted."""
        if self.fits(len(section) + 2):
            return section
        self._sections += 1
        return ""

    def told(self, listed: _Listed, limit: int | None) -> str:
        """Say what is not there; empty where all is."""
        parts = [f"{number} {name}" for name, number in listed.left_out.items() if number]
        told = []
        if parts:
            told.append(f"{count(sum(listed.left_out.values()), 'finding')} ({', '.join(parts)})")
        if listed.shortened:
            told.append(f"the text of {count(listed.shortened, 'more finding')}")
        if self._sections:
            told.append(count(self._sections, "other section"))
        return f"**Left out to stay within {limit} characters:** {'; '.join(told)}." if told else ""


class _Listed:
    """The findings, each in full, in one line, or left out, as the room allows."""

    def __init__(
        self,
        live: Sequence[Mapping[str, Any]],
        room: _Room,
        beside: Collection[str],
        encoding: str,
    ) -> None:
        self._files = by_file(live)
        self._encoding = encoding
        self._titles = [self._title(path, len(here)) for path, here in self._files]
        self._texts: dict[tuple[int, int], str] = {}
        places = [(f, n) for f, (_, here) in enumerate(self._files) for n in range(len(here))]
        places.sort(key=lambda place: SEVERITY_NAMES.index(self._at(place)["severity"]))
        self._list(places, room)
        missing = [self._at(place) for place in places if place not in self._texts]
        self.left_out = count_severities(missing)
        self.shortened = 0
        for place in places:
            if place in self._texts and self._at(place)["fingerprint"] not in beside:
                self._fill(place, room)

    def sections(self) -> list[str]:
        """Give what is told of each file under its title."""
        files: dict[int, list[str]] = {}
        for place in sorted(self._texts):
            files.setdefault(place[0], [self._titles[place[0]]]).append(self._texts[place])
        return [section for file in files.values() for section in file]

    def _list(self, places: Sequence[tuple[int, int]], room: _Room) -> None:
        """Tell as many as possible in one line, worst first."""
        begun: set[int] = set()
        for place in places:
            text = short(self._at(place), self._encoding)
            title = 0 if place[0] in begun else len(self._titles[place[0]]) + 2
            if room.fits(title + len(text) + 2):
                begun.add(place[0])
                self._texts[place] = text

    def _fill(self, place: tuple[int, int], room: _Room) -> None:
        """Tell all of one that stands in one line by now."""
        text = full(self._at(place), self._encoding)
        if room.fits(len(text) - len(self._texts[place])):
            self._texts[place] = text
        else:
            self.shortened += 1

    def _at(self, place: tuple[int, int]) -> Mapping[str, Any]:
        return self._files[place[0]][1][place[1]]

    def _title(self, path: str, findings: int) -> str:
        return f"### {path_span(path, self._encoding)} ({count(findings, 'finding')})"


def _verdict(review: Mapping[str, Any], encoding: str) -> list[str]:
    if review["outcome"] == "reviewed":
        return [f"## {headline(review)}"]
    told = "This review is not complete. What it does not tell is not known to be clean."
    reason = one_line(review["reason"] or "", _LONGEST_REASON, encoding)
    rows = ["> [!WARNING]", f"> {told}", *([f"> {reason}"] if reason else [])]
    return [f"## {headline(review)}", "\n".join(rows)]


def _change(change: Mapping[str, Any], encoding: str) -> list[str]:
    ends = [_revision(change[end], encoding) for end in ("base", "head") if change[end]]
    title = one_line(change["title"], _LONGEST_TITLE, encoding)
    told = " -> ".join(ends)
    parts = [*([title] if title else []), *([told] if told else [])]
    if not parts:
        return []
    return [f"**Change:** {', '.join(parts)}, {count(change['files'], 'file')}"]


def _elsewhere(live: Sequence[Mapping[str, Any]], beside: Collection[str]) -> list[str]:
    told = sum(finding["fingerprint"] in beside for finding in live)
    return (
        [f"Told beside the code, and here in one line: {count(told, 'finding')}."] if told else []
    )


def _revision(revision: str, encoding: str) -> str:
    short_form = revision[:_SHORT] if _REVISION.fullmatch(revision) else revision
    return code_span(cut(escape(short_form, encoding), _LONGEST_REVISION), encoding)


def _table(live: Sequence[Mapping[str, Any]]) -> str:
    counted = count_severities(live)
    rows = [counted.keys(), ["---:"] * len(counted), map(str, counted.values())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
