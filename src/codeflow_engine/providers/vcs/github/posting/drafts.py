"""What one review says: comments beside the code, and a body with all that has no place there.

Nothing of a finding is lost for want of room before everything that is less severe was: the
least severe findings lose their texts first, and then are only counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import Severity
from codeflow_engine.domain.marker import MARKER_ROOM, Marker
from codeflow_engine.providers.vcs.github.anchors import Anchors
from codeflow_engine.providers.vcs.github.bodies import (
    LIMIT,
    ROOM,
    cut,
    fenced,
    in_code,
    mark,
    measure,
    suggestion_block,
)
from codeflow_engine.providers.vcs.github.posting.payloads import Inline, ReviewPayload

__all__ = ["Draft", "draft", "plain_body"]

_MOST_COMMENTS: Final = 100
"""Comments of one review. GitHub names no limit, but ends a request that takes it more than ten
seconds ("Troubleshooting the REST API", section "Timeouts")."""

_MOST_TEXT: Final = 1_000_000
"""Characters of all comments of one review."""

_HARD_ROOM: Final = LIMIT - MARKER_ROOM
_SHORT: Final = 300
_TITLE: Final = "### Findings without a place in this diff"
_AROUND: Final = 150
"""More characters than the title and the count take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A review that is ready to be sent."""

    body: str
    comments: tuple[dict[str, Any], ...]
    fingerprints: frozenset[str]
    """Of the comments."""


def draft(
    payload: ReviewPayload, comments: Sequence[Inline], key: str, anchors: Anchors | None
) -> Draft:
    """Put a review together.

    Args:
        payload: What it says as a whole.
        comments: Those that are to be written.
        key: Of the effect.
        anchors: Where comments can stand; None puts all of them into the body.
    """
    placed: dict[int, dict[str, Any]] = {}
    used = 0
    for index in sorted(range(len(comments)), key=lambda at: comments[at].severity.rank):
        one = comments[index]
        spot = None
        if anchors is not None:
            spot = anchors.place(one.path, one.side, one.line, one.end_line)
        if spot is None or len(placed) == _MOST_COMMENTS:
            continue
        body = _beside(one, key)
        if used + measure(body) <= _MOST_TEXT:
            used += measure(body)
            placed[index] = {**spot.to_json(), "body": body}
    left = [one for index, one in enumerate(comments) if index not in placed]
    marker = Marker(kind="review", key=key)
    return Draft(
        body=mark(plain_body(payload.body, left), marker),
        comments=tuple(placed[index] for index in sorted(placed)),
        fingerprints=frozenset(comments[index].fingerprint for index in placed),
    )


def plain_body(text: str, left: Sequence[Inline]) -> str:
    """Give the body of a review without its marker.

    Args:
        text: What the review says as a whole.
        left: Findings that stand nowhere else.
    """
    told = _Findings(sorted(left, key=lambda one: one.severity.rank))
    count, criticals = len(left), sum(one.severity is Severity.CRITICAL for one in left)
    room = ROOM - measure(text)
    for whole in range(count, criticals - 1, -1):
        if told.measure(whole, count) <= room:
            return told.write(text, whole, count)
    for named in range(count - 1, criticals - 1, -1):
        if told.measure(criticals, named) <= room:
            return told.write(text, criticals, named)
    return _criticals_alone(text, told, criticals)


def _criticals_alone(text: str, told: _Findings, criticals: int) -> str:
    """Keep the texts of critical findings, in place of what the review says as a whole.

    All that GitHub takes is used for them. Where even that is too little, the last of them
    lose their texts, then are counted.
    """
    needed = told.measure(criticals, criticals)
    for most in (ROOM, _HARD_ROOM):
        if needed <= most:
            room = most - needed
            return told.write(cut(text, room) if room >= _SHORT else "", criticals, criticals)
    for whole in range(criticals - 1, -1, -1):
        if told.measure(whole, criticals) <= _HARD_ROOM:
            return told.write("", whole, criticals)
    named = criticals
    while told.measure(0, named) > _HARD_ROOM:
        named -= 1
    return told.write("", 0, named)


class _Findings:
    """Findings as text, the worst first: some whole, some by name, and the rest counted.

    There may be thousands; sizes are added up before anything is put together.
    """

    def __init__(self, ranked: Sequence[Inline]) -> None:
        self._whole = [_told(one) for one in ranked]
        self._names = [_shortened(one) for one in ranked]
        self._whole_sizes = [0, *accumulate(measure(one) + 2 for one in self._whole)]
        self._name_sizes = [0, *accumulate(measure(one) + 2 for one in self._names)]

    def measure(self, whole: int, named: int) -> int:
        """Count the characters that findings take at most, with what stands around them.

        Args:
            whole: How many are told with their texts.
            named: How many are told at all, those among them.
        """
        names = self._name_sizes[named] - self._name_sizes[whole]
        around = _AROUND if self._whole else 0
        return self._whole_sizes[whole] + names + around

    def write(self, text: str, whole: int, named: int) -> str:
        """Put them behind a text."""
        findings = [*self._whole[:whole], *self._names[whole:named]]
        return _joined(text, findings, len(self._whole) - named)


def _joined(text: str, findings: Sequence[str], more: int) -> str:
    parts = [text.rstrip()] if text.strip() else []
    if findings or more:
        parts += [_TITLE, *findings]
    if more:
        behind = " more" if findings else ""
        parts.append(f"*And {more}{behind}, for which there is no room here.*")
    return "\n\n".join(parts)


def _beside(one: Inline, key: str) -> str:
    """Give the body of a comment beside the code."""
    marker = Marker(kind="comment", key=key, finding=one.fingerprint)
    block = ""
    if one.suggestion is not None:
        shown = suggestion_block if one.side is Side.NEW else fenced
        block = f"\n\n{shown(one.suggestion)}"
    # A block that was cut would replace the lines by a part of the text.
    room = ROOM - measure(block)
    if room < _SHORT:
        block, room = "", ROOM
    return mark(cut(one.body, room) + block, marker)


def _told(one: Inline) -> str:
    body = one.body.strip()
    block = f"\n\n{fenced(one.suggestion)}" if one.suggestion is not None else ""
    return cut(f"{_headline(one)}\n\n{body}{block}", ROOM)


def _shortened(one: Inline) -> str:
    return f"{_headline(one)}: the text is left out here, for want of room."


def _headline(one: Inline) -> str:
    lines = f"line {one.line}" if one.line == one.end_line else f"lines {one.line}-{one.end_line}"
    side = " before the change" if one.side is Side.OLD else ""
    return f"**{in_code(one.path[:_SHORT])}, {lines}{side}** ({one.severity})"
