"""The text report: for a terminal, for a log, and for a person in a hurry."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from codeflow_engine.reports.findings import finding_block, settled_block
from codeflow_engine.reports.form import conform
from codeflow_engine.reports.ledger import uncovered_and_excluded
from codeflow_engine.reports.prose import count, item
from codeflow_engine.reports.style import Color, Style
from codeflow_engine.reports.summary import (
    by_file,
    count_severities,
    coverage_line,
    headline,
    is_live,
    live_and_settled,
)
from codeflow_engine.reports.visible import escape, escape_path

__all__ = ["Style", "brief", "coverage_line", "headline", "render"]

_REVISION = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SHORT = 12
_MOST_BRIEF = 50


def render(review: Mapping[str, Any], *, style: Style | None = None) -> str:
    """Render a review, in its JSON form, as text that ends with a line feed.

    The first line says how the review ended and the last one what it covered, so that
    neither a head nor a tail of the text reads as clean when the review is not complete.
    Findings stand by file, worst first. Nothing that a terminal would obey is written as it
    is: the only control characters are line feeds and, with colours, this module's own.

    Args:
        review: What `Review.to_json` gives.
        style: Plain text of 100 cells a line unless told otherwise.

    Raises:
        SerializationError: The review has another form, or contradicts its own ledger.
    """
    style = style or Style()
    plain = conform(review)
    live, settled = live_and_settled(plain)
    blocks = [
        [_verdict(headline(plain), plain, style), *_change(plain["change"], style)],
        *_by_file(live, style),
        settled_block(settled, style),
        _counts(plain, live, style),
        *uncovered_and_excluded(plain["coverage"]["entries"], style),
        [_verdict(coverage_line(plain), plain, style)],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def brief(review: Mapping[str, Any]) -> str:
    """Render a review as text for a look: where it has many findings, they are counted only.

    Raises:
        SerializationError: The review has another form, or contradicts its own ledger.
    """
    found = len(review["findings"])
    if found <= _MOST_BRIEF:
        return render(review)
    plain = conform(review)
    told = f"{count(found, 'finding')}: print(review) shows all of the report"
    return f"{headline(plain)}\n{told}\n{coverage_line(plain)}\n"


def _verdict(line: str, review: Mapping[str, Any], style: Style) -> str:
    if review["outcome"] != "reviewed":
        return style.paint(line, Color.ALARM)
    return style.paint(line, Color.BOLD if any(map(is_live, review["findings"])) else Color.GREEN)


def _change(change: Mapping[str, Any], style: Style) -> list[str]:
    ends = [_revision(change[end], style) for end in ("base", "head") if change[end]]
    told = " -> ".join(ends)
    rows = [f"{told}, {count(change['files'], 'file')}"] if told else []
    if change["title"].strip():
        title = " ".join(change["title"].split("\n"))
        rows = [*item("change: ", title, style), *(f"        {row}" for row in rows)]
    return rows


def _revision(revision: str, style: Style) -> str:
    if _REVISION.fullmatch(revision):
        return revision[:_SHORT]
    return escape(revision, style.encoding)


def _by_file(live: Sequence[Mapping[str, Any]], style: Style) -> list[list[str]]:
    """Lay out findings by file, each file under its own title."""
    blocks: list[list[str]] = []
    for path, here in by_file(live):
        title = f"{escape_path(path, style.encoding)} ({count(len(here), 'finding')})"
        blocks.append([style.paint(title, Color.BOLD)])
        blocks.extend(finding_block(finding, style) for finding in here)
    return blocks


def _counts(
    review: Mapping[str, Any], live: Sequence[Mapping[str, Any]], style: Style
) -> list[str]:
    severities = count_severities(live)
    rows = item("findings: ", ", ".join(f"{severities[n]} {n}" for n in severities), style)
    dropped = {reason: number for reason, number in review["dropped"].items() if number}
    if dropped:
        told = "; ".join(f"{number} {reason}" for reason, number in dropped.items())
        rows += item("dropped: ", told.replace("\n", " "), style)
    usage = review["usage"]
    if usage["calls"]:
        cost = f"{usage['cost_usd']} USD" if usage["cost_usd"] else "cost not known"
        told = (
            f"{count(usage['calls'], 'call')}, {usage['input_tokens']} tokens in "
            f"({usage['cached_tokens']} cached), {usage['output_tokens']} out, {cost}"
        )
        rows += item("models: ", told, style)
    return rows
