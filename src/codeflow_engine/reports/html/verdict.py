"""How a review ended, in words that never read as clean when it is not complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codeflow_engine.reports.html.markup import Content, Markup, element
from codeflow_engine.reports.html.prose import quoted
from codeflow_engine.reports.html.shapes import outcome_sign
from codeflow_engine.reports.html.words import counted, shorten, tally
from codeflow_engine.reports.summary import count_severities, is_live

__all__ = ["Verdict", "banner", "judge"]

_MOST_REASON = 400
"""Characters of a reason that are shown here; the ledger has the reason of every unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A verdict in words."""

    kind: str
    """`clean`, `found`, `empty` (nothing was examined, and nothing had to be), or the outcome."""

    title: str
    told: str
    """What the title stands on, in one or two sentences."""


def judge(review: Mapping[str, Any]) -> Verdict:
    """Put the outcome of a review into words."""
    live = [finding for finding in review["findings"] if is_live(finding)]
    found = f"{counted(len(live), 'finding')}: {tally(count_severities(live))}"
    coverage = review["coverage"]
    units = counted(coverage["units"], "unit")
    if review["outcome"] != "reviewed":
        missing = coverage["skipped"] + coverage["failed"]
        told = f"{missing:,} of {units} not covered. "
        told += f"{found}." if live else "That nothing was found does not mean that it is clean."
        title = f"Review not complete: {review['outcome']}"
        return Verdict(kind=review["outcome"], title=title, told=told)
    if not coverage["units"]:
        told = "The change is empty: there was nothing to review."
        return Verdict(kind="empty", title="Review complete: empty change", told=told)
    covered = f"All {units} covered" if coverage["units"] > 1 else "The only unit is covered"
    if coverage["excluded"]:
        covered += f", {coverage['excluded']:,} of them by exclusion: nobody examined those"
    if live:
        title = f"Review complete: {counted(len(live), 'finding')}"
        told = f"{tally(count_severities(live)).capitalize()}. {covered}."
        return Verdict(kind="found", title=title, told=told)
    kind, title = "clean", "Review complete: no findings"
    if coverage["excluded"] == coverage["units"]:
        kind, title = "empty", "Review complete: everything is excluded"
    return Verdict(kind=kind, title=title, told=f"{covered}.")


def banner(review: Mapping[str, Any], *, heading: str = "h1") -> Markup:
    """Show the verdict of a review, with the reason where it is not complete."""
    verdict = judge(review)
    reason: Content = None
    if review["outcome"] != "reviewed" and (review["reason"] or "").strip():
        reason = element(
            "p",
            "Reason: ",
            quoted(shorten(review["reason"].strip(), _MOST_REASON)),
            class_="cf-reason",
            dir="auto",
        )
    words = [
        element(heading, verdict.title, class_="cf-verdict-title"),
        element("p", verdict.told),
        reason,
    ]
    return element(
        "div",
        outcome_sign(verdict.kind),
        element("div", words),
        class_=f"cf-verdict cf-is-{verdict.kind}",
    )
