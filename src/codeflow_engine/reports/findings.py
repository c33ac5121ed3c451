"""One finding as lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codeflow_engine.reports.cells import wrap
from codeflow_engine.reports.excerpt import excerpt, suggestion
from codeflow_engine.reports.prose import count, paragraph
from codeflow_engine.reports.style import Color, Style
from codeflow_engine.reports.visible import escape_path

__all__ = ["SEVERITIES", "finding_block", "render", "settled_block"]

SEVERITIES = {
    "critical": Color.BOLD_RED,
    "high": Color.RED,
    "medium": Color.YELLOW,
    "low": Color.CYAN,
    "info": Color.BLUE,
}
"""The severities, worst first, and how each looks."""

_INDENT = "  "
_SHORT = 12
"""Characters of a fingerprint: enough to tell one from the others of a history."""


def finding_block(finding: Mapping[str, Any], style: Style) -> list[str]:
    """Lay out a finding with its place, its message, its code and where it comes from."""
    parts = [
        paragraph(finding["message"], style, _INDENT * 2),
        excerpt(finding, style, _INDENT),
        suggestion(finding, style, _INDENT),
        _provenance(finding, style),
    ]
    return [*_title(finding, style), *(row for part in parts if part for row in ["", *part])]


def render(finding: Mapping[str, Any]) -> str:
    """Render one finding, in its JSON form, as plain text without a final line feed."""
    return "\n".join(finding_block(finding, Style())).removeprefix(_INDENT)


def settled_block(settled: Sequence[Mapping[str, Any]], style: Style) -> list[str]:
    """List the findings that are resolved or dismissed, which count nowhere."""
    if not settled:
        return []
    rows = [f"resolved or dismissed: {count(len(settled), 'finding')}"]
    for finding in settled:
        rows += [f"{_INDENT}{_place(finding, style)}"]
        told = f"{finding['state']}: {finding['severity']} {finding['rule']}: {finding['title']}"
        rows += paragraph(told, style, _INDENT * 2)
    return rows


def _title(finding: Mapping[str, Any], style: Style) -> list[str]:
    severity = finding["severity"]
    told = f"{severity.upper()} {finding['rule']}: {finding['title']}".replace("\n", " ")
    first, *rest = wrap(told, style.room(len(_INDENT)), style.encoding)
    label, _, words = first.partition(" ")
    look = SEVERITIES[severity]
    return [
        f"{_INDENT}{style.paint(label, look)} {style.paint(words, Color.BOLD)}",
        *(_INDENT + style.paint(row, Color.BOLD) for row in rest),
        f"{_INDENT}{_place(finding, style)}",
    ]


def _place(finding: Mapping[str, Any], style: Style) -> str:
    """Write `path:line:column`, as editors and terminals recognise it."""
    place = escape_path(finding["path"], style.encoding)
    if finding["line"] is not None:
        place += f":{finding['line']}"
        evidence = finding["evidence"]
        if evidence is not None and evidence["column"] is not None:
            place += f":{evidence['column']}"
    return place if finding["side"] == "new" else f"{place} (before the change)"


def _provenance(finding: Mapping[str, Any], style: Style) -> list[str]:
    told = finding["category"]
    if finding["confidence"] < 1:
        told += f", confidence {finding['confidence']:.2f}"
    if finding["sources"]:
        told += f", found by {', '.join(finding['sources'])}"
    if finding["state"] == "open":
        told += ", known from before"
    told += f"; fingerprint {finding['fingerprint'][:_SHORT]}"
    return [style.paint(row, Color.FAINT) for row in paragraph(told, style, _INDENT)]
