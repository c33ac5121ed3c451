"""What is known of the change and of the run beside findings and coverage."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from codeflow_engine.reports.html.markup import Content, Markup, element, fragment, visible
from codeflow_engine.reports.html.words import counted, duration, revision, shorten

__all__ = ["change_line", "run_facts"]

_MOST_TITLE = 300
_MOST_REVISION = 80

_ISOLATION = {
    "bwrap": "namespaces, by bubblewrap",
    "unshare": "namespaces, by the kernel alone",
    "none": "none: analyzers ran as the host does",
}


def change_line(review: Mapping[str, Any]) -> Markup:
    """Name the change under review, its two ends and its size."""
    change = review["change"]
    title = shorten(change["title"].strip(), _MOST_TITLE)
    ends = [
        element("code", visible(shorten(revision(change[end]), _MOST_REVISION)), title=change[end])
        for end in ("base", "head")
        if change[end]
    ]
    parts: list[Content] = []
    if ends:
        parts.append([ends[0], [[" \u2192 ", end] for end in ends[1:]]])
    parts.append(counted(change["files"], "file"))
    parts.append(counted(review["coverage"]["hunks"], "hunk"))
    return fragment(
        element("p", visible(title), class_="cf-change", dir="auto") if title else None,
        element("p", [element("span", part) for part in parts], class_="cf-ends"),
    )


def run_facts(review: Mapping[str, Any]) -> Markup:
    """Show usage, time, isolation, what was dropped, and the id of the run."""
    timing = review["timing"]
    facts: dict[str, Content] = {
        "Started": _moment(timing["started_at"]),
        "Took": duration(timing["seconds"]),
        "Isolation": _ISOLATION[review["isolation"]],
        "Models": _usage(review["usage"]),
        "Dropped": _dropped(review["dropped"]),
        "Run": element("code", visible(review["run_id"])),
        "Form": f"version {review['schema']}",
    }
    rows = [
        element("div", element("dt", name), element("dd", told)) for name, told in facts.items()
    ]
    return element("dl", rows, class_="cf-facts cf-run")


def _moment(told: str) -> Markup:
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        return visible(told)
    return element("time", f"{moment:%Y-%m-%d %H:%M:%S} {moment:%Z}".strip(), datetime=told)


def _usage(usage: Mapping[str, Any]) -> Content:
    if not usage["calls"]:
        return "no calls"
    cost = f"{usage['cost_usd']} USD" if usage["cost_usd"] else "cost not known"
    return (
        f"{counted(usage['calls'], 'call')}, {counted(usage['input_tokens'], 'token')} in "
        f"({usage['cached_tokens']:,} cached), {usage['output_tokens']:,} out, {cost}"
    )


def _dropped(dropped: Mapping[str, int]) -> Content:
    present = {reason: number for reason, number in dropped.items() if number}
    if not present:
        return "none"
    rows = [
        element("li", f"{number:,} ", element("span", visible(reason), dir="auto"))
        for reason, number in present.items()
    ]
    return [f"{sum(present.values()):,}", element("ul", rows)]
