"""The rdjson report: reviewdog's `DiagnosticResult`, for reviewdog and editors.

Its columns count bytes of UTF-8. Messages are Markdown that does nothing (see
`codeflow_engine.reports.inert`), because reviewdog posts them as comments. The format knows
no state: findings that are resolved or dismissed are left out. Nor does it know an
incomplete review, so each reason why units are not covered is a diagnostic of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from codeflow_engine.reports.form import conform
from codeflow_engine.reports.inert import paragraphs
from codeflow_engine.reports.interchange import dump
from codeflow_engine.reports.places import (
    Place,
    first_of,
    is_exact,
    not_covered_line,
    place_of,
    prose_of,
)
from codeflow_engine.reports.summary import live_and_settled, reasons_of
from codeflow_engine.reports.visible import escape, escape_path

__all__ = ["render"]

_NAME = "codeflow-engine"
_CODE = re.compile(r"[^A-Za-z0-9._/+-]+")
"""What a code may not hold: reviewdog writes it into a comment as it is."""

_NOT_COVERED = "not-covered"
_SEVERITIES = {
    "critical": "ERROR",
    "high": "ERROR",
    "medium": "WARNING",
    "low": "INFO",
    "info": "INFO",
}


def render(review: Mapping[str, Any], *, encoding: str = "utf-8") -> str:
    r"""Render a review, in its JSON form, as rdjson that ends with a line feed.

    Hidden characters, and those that the encoding does not have, are `\uXXXX` escapes.

    Raises:
        SerializationError: The review has another form, or contradicts its own ledger.
    """
    plain = conform(review)
    live, _ = live_and_settled(plain)
    diagnostics = _not_covered(plain) + [_diagnostic(finding) for finding in live]
    result = {"source": {"name": _NAME}, "diagnostics": diagnostics}
    return dump(result, encoding)


def _diagnostic(finding: Mapping[str, Any]) -> dict[str, Any]:
    place = place_of(finding)
    location: dict[str, Any] = {"path": finding["path"]}
    if place is not None:
        location["range"] = _range(place)
    made: dict[str, Any] = {
        "message": _message(prose_of(finding)),
        "location": location,
        "severity": _SEVERITIES[finding["severity"]],
        "code": {"value": _CODE.sub("-", finding["rule"])},
        "originalOutput": _output(finding, place),
    }
    suggestion = _suggestion(finding)
    if suggestion is not None:
        made["suggestions"] = [suggestion]
    return made


def _message(text: str) -> str:
    return "\n".join(paragraphs(text, hard="")) or "(no words)"


def _range(place: Place) -> dict[str, Any]:
    """Write whole lines, or columns in bytes where both ends are known.

    Lines are whole where neither end has a column; one column alone would say otherwise.
    """
    start: dict[str, int] = {"line": place.line}
    end: dict[str, int] = {"line": place.last}
    before, within = _size(place.before), _size(place.within)
    if None not in {before, within, place.column, place.end_column}:
        start["column"] = (before or 0) + 1
        end["column"] = start["column"] + (within or 0)
    return {"start": start, "end": end}


def _size(text: str) -> int | None:
    try:
        return len(text.encode("utf-8"))
    except UnicodeEncodeError:
        return None


def _suggestion(finding: Mapping[str, Any]) -> dict[str, Any] | None:
    """Replace whole lines; None where something in the text is redacted or escaped."""
    edit = finding["suggestion"]
    if edit is None or not is_exact(edit["replacement"]):
        return None
    start, end = edit["start_line"], max(edit["start_line"], edit["end_line"])
    span = {"start": {"line": start}, "end": {"line": end}}
    return {"range": span, "text": edit["replacement"]}


def _output(finding: Mapping[str, Any], place: Place | None) -> str:
    """Write the line that reviewdog prints on a terminal."""
    where = escape_path(finding["path"])
    if place is not None:
        where += f":{place.line}" + ("" if place.column is None else f":{place.column}")
    title = escape(" ".join(finding["title"].split()))
    return f"{where}: {finding['severity']} {escape(finding['rule'])}: {title}"


def _not_covered(review: Mapping[str, Any]) -> list[dict[str, Any]]:
    made = []
    for state in ("failed", "skipped"):
        for reason, paths in reasons_of(review["coverage"]["entries"], state):
            told = not_covered_line(review, state, reason, sum(paths.values()))
            first = next(iter(paths))
            text = f"{told}\n\nIn {first_of(paths)}."
            made.append(
                {
                    "message": _message(text),
                    "location": {"path": first},
                    "severity": "ERROR",
                    "code": {"value": _NOT_COVERED},
                    "originalOutput": f"{escape_path(first)}: {escape(told)}",
                }
            )
    return made
