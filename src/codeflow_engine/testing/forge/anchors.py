"""Where a comment on code may stand: on the lines that a diff shows, and on its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codeflow_engine.testing.forge.diffs import FileDiff, Place
from codeflow_engine.testing.forge.refusal import Refusal

__all__ = ["Anchor", "BadAnchorError", "anchor"]

_SIDES = ("LEFT", "RIGHT")
_THREAD = "Pull request review thread"
_LINE = ("line", "must be part of the diff")
_PATH = ("path", "is invalid")
_BLANK = ("diff_hunk", "can't be blank")
_HUNK = ("start_line", "must be part of the same hunk as the line.")
_ORDER = ("start_line", "must precede the end line.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A place that was found in the diff."""

    path: str
    subject: str
    side: str = "RIGHT"
    line: int | None = None
    start_side: str | None = None
    start_line: int | None = None
    position: int | None = None
    diff_hunk: str = ""


class BadAnchorError(Exception):
    """A comment cannot stand where it was to; `problems` are fields and what is wrong with each."""

    def __init__(self, *problems: tuple[str, str]) -> None:
        super().__init__(problems)
        self.problems = problems

    def of_review(self) -> Refusal:
        """Refuse the whole review, and do not say which comment is at fault (G16).

        Source: "Create a review for a pull request",
        /rest/pulls/reviews#create-a-review-for-a-pull-request; the wording is the API's own.
        """
        told = [f"{_THREAD} {name.replace('_', ' ')} {what}" for name, what in self.problems]
        *first, last = told
        joined = f"{', '.join(first)}{',' if len(first) > 1 else ''} and {last}" if first else last
        return Refusal(
            422,
            "Unprocessable Entity",
            errors=[joined],
            documentation="/rest/pulls/reviews#create-a-review-for-a-pull-request",
        )

    def of_comment(self) -> Refusal:
        """Refuse a single comment.

        Source: "Create a review comment for a pull request",
        /rest/pulls/comments#create-a-review-comment-for-a-pull-request.
        """
        errors = []
        for name, what in self.problems:
            field = f"pull_request_review_thread.{name}"
            told = {"resource": "PullRequestReviewComment", "field": field}
            if what == _BLANK[1]:
                errors.append({**told, "code": "missing_field"})
            else:
                errors.append({**told, "code": "custom", "message": f"{field} {what}"})
        return Refusal(
            422,
            "Validation Failed",
            errors=errors,
            documentation="/rest/pulls/comments#create-a-review-comment-for-a-pull-request",
        )


def anchor(diff: Sequence[FileDiff], wish: Mapping[str, Any], *, files: bool = False) -> Anchor:
    """Find the place that a comment asks for (G15).

    Args:
        diff: What the pull request changes, up to the commit that is commented on.
        wish: `path` with `line` and `side`, for several lines `start_line` and `start_side`; or
            with `position`; or with a `subject_type` of `file`.
        files: Whether a whole file may be commented on.

    Raises:
        BadAnchorError: The diff does not have it.

    Source: "Create a review comment for a pull request", parameters `line`, `side`,
    `start_line`, `start_side`, `subject_type` and `position`,
    /rest/pulls/comments#create-a-review-comment-for-a-pull-request.
    """
    path = wish.get("path")
    file = next((one for one in diff if one.name == path), None)
    if file is None or not isinstance(path, str):
        raise BadAnchorError(_PATH, _BLANK)
    if files and wish.get("subject_type") == "file":
        return Anchor(path=path, subject="file")
    side, line, place = _end(file, wish)
    start_side, start = _start(file, wish, side, place)
    hunk = file.hunks[place.hunk]
    shown = b"\n".join([hunk.header, *hunk.lines[: place.row + 1]])
    return Anchor(
        path=path,
        subject="line",
        side=side,
        line=line,
        start_side=start_side,
        start_line=start,
        position=place.position,
        diff_hunk=shown.decode("utf-8", "replace"),
    )


def _end(file: FileDiff, wish: Mapping[str, Any]) -> tuple[str, int, Place]:
    """Find the line of a comment, or the last one of several: its side, number and place."""
    side, line = wish.get("side") or "RIGHT", wish.get("line")
    if line is None and wish.get("position") is not None:
        return _at(file, wish["position"])
    place = _place(file, side, line)
    if place is None or not isinstance(line, int):
        told = [_LINE] if wish.get("start_line") is None else [_LINE, _HUNK]
        raise BadAnchorError(*told, _BLANK)
    return side, line, place


def _place(file: FileDiff, side: object, line: object) -> Place | None:
    if side not in _SIDES or not isinstance(line, int) or isinstance(line, bool):
        return None
    return file.places.get((str(side), line))


def _at(file: FileDiff, position: object) -> tuple[str, int, Place]:
    """Find a `position`: right where the line is still there, left where it was removed."""
    for side in ("RIGHT", "LEFT"):
        for (at, line), place in file.places.items():
            if at == side and place.position == position:
                return side, line, place
    raise BadAnchorError(("position", "is invalid"), _BLANK)


def _start(
    file: FileDiff, wish: Mapping[str, Any], side: str, end: Place
) -> tuple[str | None, int | None]:
    """Find the first of several lines; it has to be in the hunk of the last one, before it."""
    start = wish.get("start_line")
    if start is None:
        return None, None
    start_side = wish.get("start_side") or side
    place = _place(file, start_side, start)
    if place is None or place.hunk != end.hunk:
        raise BadAnchorError(_HUNK)
    if place.row >= end.row:
        raise BadAnchorError(_ORDER)
    return start_side, start
