"""What one review says: comments beside the code, and a body with all that has no place there.

Nothing of a finding is lost for want of room before everything that is less severe was: the
least severe findings lose their texts first, and then are only counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
"""Comments of one review. GitHub names no limit; reviews of hundreds fail with 502 after ten
seconds of work, and leave what they leave."""

_MOST_TEXT: Final = 1_000_000
"""Characters of all comments of one review."""

_HARD_ROOM: Final = LIMIT - MARKER_ROOM
_SHORT: Final = 300
_TITLE: Final = "### Findings without a place in this diff"


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
    ranked = sorted(left, key=lambda one: one.severity.rank)
    full, short = [_told(one) for one in ranked], [_shortened(one) for one in ranked]
    criticals = sum(one.severity is Severity.CRITICAL for one in ranked)
    for whole, told in _steps(len(ranked), criticals):
        body = _joined(text, [*full[:whole], *short[whole:told]], len(ranked) - told)
        if measure(body) <= ROOM:
            return body
    return _criticals_alone(text, full[:criticals], short[:criticals], len(ranked) - criticals)


def _steps(count: int, criticals: int) -> Sequence[tuple[int, int]]:
    """Give how many findings are told whole, and how many at all, from all down to criticals."""
    return [
        *((whole, count) for whole in range(count, criticals - 1, -1)),
        *((criticals, told) for told in range(count - 1, criticals - 1, -1)),
    ]


def _criticals_alone(text: str, full: list[str], short: list[str], more: int) -> str:
    """Keep the texts of critical findings, in place of what the review says as a whole.

    All that GitHub takes is used for them. Where even that is too little, the last of them
    lose their texts, then are counted.
    """
    for whole in range(len(full), -1, -1):
        findings = _joined("", [*full[:whole], *short[whole:]], more)
        room = (ROOM if whole == len(full) else _HARD_ROOM) - measure(findings) - 2
        if room >= _SHORT:
            return f"{cut(text, room)}\n\n{findings}".strip()
        if measure(findings) <= _HARD_ROOM:
            return findings
    for told in range(len(short), -1, -1):
        findings = _joined("", short[:told], more + len(short) - told)
        if measure(findings) <= _HARD_ROOM:
            break
    return findings


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
