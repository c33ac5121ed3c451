"""One finding: a line that says what and where, and behind it everything that is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeflow_engine.reports.html.code import excerpt, suggestion
from codeflow_engine.reports.html.markup import Content, Markup, element, visible
from codeflow_engine.reports.html.prose import prose, quoted
from codeflow_engine.reports.html.shapes import severity
from codeflow_engine.reports.html.words import place, shorten
from codeflow_engine.reports.visible import escape_path

__all__ = ["finding_body", "finding_card", "finding_line"]

_MOST_TITLE = 300
"""Characters of a title that are shown; a title is one line for a list."""

_STATES = {
    "new": "new",
    "open": "open, known from before",
    "resolved": "resolved",
    "dismissed": "dismissed",
}


def finding_card(
    finding: Mapping[str, Any],
    *,
    opened: bool = False,
    anchor: str | None = None,
    **attributes: str | int | None,
) -> Markup:
    """Show a finding as a `details` element that opens on its summary.

    Args:
        finding: A finding of a review that conforms to the schema.
        opened: Whether it stands open at first.
        anchor: Id of the summary: a link to it focuses what opens the finding.
        attributes: Of the `details` element.
    """
    return element(
        "details",
        element("summary", finding_line(finding), id=anchor),
        finding_body(finding),
        class_=f"cf-finding cf-is-{finding['severity']}",
        open=opened,
        **attributes,
    )


def finding_line(finding: Mapping[str, Any]) -> Markup:
    """Say in one line what a finding is, how bad and where in its file."""
    state = finding["state"]
    title = finding["title"].strip() or finding["rule"]
    badge = element("span", state, class_=f"cf-badge cf-in-{state}")
    return element(
        "span",
        severity(finding["severity"]),
        element("span", quoted(shorten(title, _MOST_TITLE)), class_="cf-title", dir="auto"),
        element(
            "span", badge, element("span", place(finding), class_="cf-place"), class_="cf-where"
        ),
        class_="cf-headline",
    )


def finding_body(finding: Mapping[str, Any]) -> Markup:
    """Show what a finding says, its code, a suggestion, and where it comes from."""
    return element(
        "div",
        prose(finding["message"]),
        excerpt(finding),
        suggestion(finding),
        _facts(finding),
        class_="cf-body",
    )


def _facts(finding: Mapping[str, Any]) -> Markup:
    path = element("span", escape_path(finding["path"]), class_="cf-path")
    line = "" if finding["line"] is None else f":{finding['line']}"
    facts: dict[str, Content] = {
        "Rule": element("code", visible(finding["rule"])),
        "Category": finding["category"],
        "State": _STATES[finding["state"]],
        "Confidence": _confidence(finding["confidence"]),
        "Found by": _sources(finding["sources"]),
        "Place": [path, line],
        "Fingerprint": element("code", visible(finding["fingerprint"])),
    }
    rows = [
        element("div", element("dt", name), element("dd", told)) for name, told in facts.items()
    ]
    return element("dl", rows, class_="cf-facts")


def _confidence(value: float) -> list[Content]:
    """Draw a confidence as a bar behind its number, where it is no certainty."""
    percent = round(value * 100)
    bar = element(
        "svg",
        element("rect", class_="cf-track", width=100, height=6),
        element("rect", class_="cf-level", width=percent, height=6),
        class_="cf-meter",
        viewBox="0 0 100 6",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
    return [f"{value:.2f}", " ", bar]


def _sources(names: list[str]) -> Content:
    if not names:
        return "nobody named"
    return [[", " if index else "", visible(name)] for index, name in enumerate(names)]
