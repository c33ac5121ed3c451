"""The text report: for a terminal, for a log, and for a person in a hurry."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from codeflow_engine.reports.findings import SEVERITIES, finding_block, settled_block
from codeflow_engine.reports.form import conform
from codeflow_engine.reports.ledger import uncovered_and_excluded
from codeflow_engine.reports.prose import count, item
from codeflow_engine.reports.style import Color, Style
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
    live = [finding for finding in plain["findings"] if _is_live(finding)]
    settled = [finding for finding in plain["findings"] if not _is_live(finding)]
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


def headline(review: Mapping[str, Any]) -> str:
    """Say in one line how a review ended and what it found."""
    live = [finding for finding in review["findings"] if _is_live(finding)]
    coverage = review["coverage"]
    if review["outcome"] == "reviewed":
        if not coverage["units"]:
            return "Review complete: the change is empty, there was nothing to review"
        return f"Review complete: {_found(live)}"
    missing = coverage["skipped"] + coverage["failed"]
    told = _found(live) if live else "that nothing was found does not mean that it is clean"
    return (
        f"REVIEW NOT COMPLETE ({review['outcome']}): {missing} of "
        f"{count(coverage['units'], 'unit')} not covered; {told}"
    )


def coverage_line(review: Mapping[str, Any]) -> str:
    """Say in one line what a review covered, on which isolation, and how long it took."""
    coverage = review["coverage"]
    verdict = "" if review["outcome"] == "reviewed" else f"NOT COMPLETE ({review['outcome']}), "
    scope = f"{count(coverage['hunks'], 'hunk')} in {count(review['change']['files'], 'file')}"
    return (
        f"{verdict}reviewed: {coverage['reviewed']} of {count(coverage['units'], 'unit')} "
        f"({scope}), {coverage['excluded']} excluded, {coverage['skipped']} skipped, "
        f"{coverage['failed']} failed; isolation {review['isolation']}; "
        f"{review['timing']['seconds']:.2f} s"
    )


def _is_live(finding: Mapping[str, Any]) -> bool:
    return finding["state"] in {"new", "open"}


def _found(live: Sequence[Mapping[str, Any]]) -> str:
    if not live:
        return "no findings"
    severities = Counter(finding["severity"] for finding in live)
    told = ", ".join(f"{severities[name]} {name}" for name in SEVERITIES if severities[name])
    return f"{count(len(live), 'finding')} ({told})"


def _verdict(line: str, review: Mapping[str, Any], style: Style) -> str:
    if review["outcome"] != "reviewed":
        return style.paint(line, Color.ALARM)
    return style.paint(line, Color.BOLD if any(map(_is_live, review["findings"])) else Color.GREEN)


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
    """Lay out findings by file: the file with the worst finding first, then by path."""
    ranks = {name: rank for rank, name in enumerate(SEVERITIES)}
    worst: dict[str, int] = {}
    for finding in live:
        rank = ranks[finding["severity"]]
        worst[finding["path"]] = min(rank, worst.get(finding["path"], rank))
    ordered = sorted(
        live,
        key=lambda f: (worst[f["path"]], f["path"], ranks[f["severity"]], f["line"] or 0),
    )
    blocks: list[list[str]] = []
    for path, group in groupby(ordered, key=lambda finding: finding["path"]):
        here = list(group)
        title = f"{escape_path(path, style.encoding)} ({count(len(here), 'finding')})"
        blocks.append([style.paint(title, Color.BOLD)])
        blocks.extend(finding_block(finding, style) for finding in here)
    return blocks


def _counts(
    review: Mapping[str, Any], live: Sequence[Mapping[str, Any]], style: Style
) -> list[str]:
    severities = Counter(finding["severity"] for finding in live)
    rows = item("findings: ", ", ".join(f"{severities[n]} {n}" for n in SEVERITIES), style)
    dropped = {reason: number for reason, number in review["dropped"].items() if number}
    if dropped:
        told = "; ".join(f"{number} {reason}" for reason, number in dropped.items())
        total = count(sum(dropped.values()), "finding")
        rows += item("dropped: ", f"{total}: {told}".replace("\n", " "), style)
    usage = review["usage"]
    if usage["calls"]:
        cost = f"{usage['cost_usd']} USD" if usage["cost_usd"] else "cost not known"
        told = (
            f"{count(usage['calls'], 'call')}, {usage['input_tokens']} tokens in "
            f"({usage['cached_tokens']} cached), {usage['output_tokens']} out, {cost}"
        )
        rows += item("models: ", told, style)
    return rows
