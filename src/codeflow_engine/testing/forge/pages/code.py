"""Code on the pages: diffs with their threads, and suggestions as the diff they make."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from codeflow_engine.reports.html.markup import Content, Markup, element, visible
from codeflow_engine.testing.forge.diffs import FileDiff
from codeflow_engine.testing.forge.pages.parts import Row, badge, by, reactions, rows, source
from codeflow_engine.testing.forge.pages.prose import prose
from codeflow_engine.testing.forge.state import PullRequest, ReviewComment, ReviewThread

__all__ = ["file", "thread"]

_AROUND = 4
"""Lines of a diff that are shown over a comment."""

_KINDS = {"+": "new", "-": "old", "@": "hunk", "\\": "hunk"}

type _Place = tuple[str, int]
"""A side and a line."""


def thread(pull: PullRequest, one: ReviewThread, *, alone: bool = True) -> Markup:
    """Show a thread: where it stands, its state, and what was said.

    Args:
        pull: The pull request.
        one: The thread.
        alone: Whether to show the code it stands on, which the diff shows otherwise.
    """
    first = one.comments[0]
    marks = [badge("Outdated", "outdated")] if first.is_outdated else []
    if one.resolved_by is not None:
        marks.append(badge(f"Resolved by {one.resolved_by.login}", "resolved"))
    if first.review_id in pull.pending:
        marks.append(badge("Pending", "pending"))
    code = _table(_shown(first)) if alone and first.diff_hunk else None
    said = [_said(each) for each in one.comments]
    return element(
        "article",
        element("p", element("code", visible(_where(first))), " ", marks, class_="where"),
        code,
        said,
        class_="thread" + (" is-resolved" if one.is_resolved else ""),
        id=f"discussion_r{first.id}",
    )


def _where(one: ReviewComment) -> str:
    line, start = one.line or one.original_line, one.start_line or one.original_start_line
    if one.subject == "file" or line is None:
        return one.path
    told = f"{one.path}:{start}-{line}" if start else f"{one.path}:{line}"
    return told if one.side == "RIGHT" else f"{told} (before)"


def _said(one: ReviewComment) -> Markup:
    def suggest(lines: Sequence[str]) -> Markup:
        return _suggestion(one, lines)

    return element(
        "div",
        by(one.user, one.created_at, "replied" if one.in_reply_to else "commented"),
        prose(one.body, suggest),
        reactions(one.reactions),
        source(one.body),
        class_="said",
    )


def _shown(one: ReviewComment) -> list[Row]:
    """Give the lines that a comment is shown under: its own, and a few before them."""
    told = list(rows(one.diff_hunk))
    if one.original_start_line is None:
        return told[-_AROUND:]
    side = 2 if (one.start_side or one.side) == "RIGHT" else 1
    begun = [index for index, row in enumerate(told) if row[side] == one.original_start_line]
    return told[begun[0] if begun else -_AROUND :]


def _suggestion(one: ReviewComment, lines: Sequence[str]) -> Markup:
    """Show a suggestion as the diff that it makes of the lines it stands on."""
    last = one.original_line or 0
    start = one.original_start_line or last
    told = [row for row in rows(one.diff_hunk) if row[2] is not None and start <= row[2] <= last]
    old: list[Row] = [("-", row[2], None, row[3]) for row in told]
    new: list[Row] = [("+", None, start + index, line) for index, line in enumerate(lines)]
    return element(
        "figure",
        element("figcaption", "Suggested change"),
        _table([*old, *new]),
        class_="suggestion",
    )


def _table(lines: Iterable[Row], under: Callable[[Row], Content] | None = None) -> Markup:
    """Show lines of a diff, each with its numbers, and what stands under it."""
    made: list[Content] = []
    for row in lines:
        mark, old, new, text = row
        kind = _KINDS.get(mark, "same")
        sign = "" if mark == "@" else mark
        made.append(
            element(
                "tr",
                element("td", old, class_="number"),
                element("td", new, class_="number"),
                element("td", sign, class_="mark"),
                element("td", visible(text), class_="text"),
                class_=kind,
            )
        )
        below = under(row) if under else None
        if below is not None:
            made.append(element("tr", element("td", below, colspan=4, class_="under")))
    return element("table", element("tbody", made), class_="diff", translate="no")


def file(pull: PullRequest, one: FileDiff, threads: Sequence[ReviewThread]) -> Markup:
    """Show a file of a diff, with the threads on it and on its lines."""
    on_lines: dict[_Place, list[ReviewThread]] = {}
    on_file: list[ReviewThread] = []
    for each in threads:
        first = each.comments[0]
        if first.line is None or first.subject == "file":
            on_file.append(each)
        else:
            on_lines.setdefault((first.side, first.line), []).append(each)

    def under(row: Row) -> Content:
        found = [
            *on_lines.get(("LEFT", row[1] or 0), ()),
            *on_lines.get(("RIGHT", row[2] or 0), ()),
        ]
        return [thread(pull, each, alone=False) for each in found] if found else None

    told: Content = [_table(_lines(one), under)] if one.hunks else element("p", "No lines to show.")
    name = one.name if one.name == one.old_name else f"{one.old_name} \u2192 {one.name}"
    counts: Mapping[str, int] = {"+": one.additions, "-": one.deletions}
    return element(
        "section",
        element(
            "h2",
            element("code", visible(name)),
            " ",
            badge(one.status),
            [badge(f"{mark}{number}") for mark, number in counts.items() if number],
        ),
        [thread(pull, each) for each in on_file],
        told,
        class_="file",
    )


def _lines(one: FileDiff) -> list[Row]:
    found: list[Row] = []
    for hunk in one.hunks:
        text = b"\n".join([hunk.header, *hunk.lines]).decode("utf-8", "replace")
        found += rows(text)
    return found
