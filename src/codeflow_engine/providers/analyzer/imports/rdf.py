"""Reads the Reviewdog Diagnostic Format, one document (rdjson) or a line each (rdjsonl)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from codeflow_engine.providers.analyzer.imports.form import (
    BadReportError,
    Node,
    rule_name,
    title_of,
)

__all__ = ["read", "read_lines"]

# The format is made of Protocol Buffers, whose JSON may hold the name or the number.
_SEVERITIES: Final = {
    None: "medium",
    0: "medium",
    "UNKNOWN_SEVERITY": "medium",
    1: "high",
    "ERROR": "high",
    2: "medium",
    "WARNING": "medium",
    3: "low",
    "INFO": "low",
}


def read(document: Node) -> Iterator[dict[str, Any]]:
    """Yield the diagnostics of a document, as rows.

    Raises:
        BadReportError: It has another form.
    """
    for diagnostic in document.nodes("diagnostics"):
        yield _row(diagnostic, document)


def read_lines(lines: list[Node]) -> Iterator[dict[str, Any]]:
    """Yield diagnostics that stand one a line, as rows.

    Raises:
        BadReportError: One has another form.
    """
    nobody = Node({}, "report")
    for line in lines:
        yield _row(line, nobody)


def _row(diagnostic: Node, document: Node) -> dict[str, Any]:
    message = diagnostic.text("message")
    if not message or not message.strip():
        raise BadReportError(f"{diagnostic.place}.message has no text")
    location = diagnostic.node("location")
    path = location.text("path")
    if not path:
        raise BadReportError(f"{location.place}.path has no text")
    severity = _severity(diagnostic) or _severity(document) or "medium"
    source = diagnostic.node("source").text("name") or document.node("source").text("name")
    return {
        "rule": rule_name(source, diagnostic.node("code").text("value")),
        "severity": severity,
        "category": "correctness" if severity == "high" else "maintainability",
        "title": title_of(message),
        "message": message,
        "columns": "utf8",
        "path": path,
        "region": _region(location.node("range")),
        "edits": _edits(diagnostic),
    }


def _severity(node: Node) -> str | None:
    value = node.value.get("severity")
    if isinstance(value, bool | list | dict) or value not in _SEVERITIES:
        raise BadReportError(f"{node.place}.severity is none of the known ones")
    return None if value in {None, 0, "UNKNOWN_SEVERITY"} else _SEVERITIES[value]


def _region(span: Node) -> list[int | None]:
    start, end = span.node("start"), span.node("end")
    return [start.whole("line"), start.whole("column"), end.whole("line"), end.whole("column")]


def _edits(diagnostic: Node) -> list[list[Any]]:
    """Give the first suggestion; the others are further choices."""
    for one in diagnostic.nodes("suggestions")[:1]:
        region, text = _region(one.node("range")), one.text("text") or ""
        whole = region[1] is None and region[3] is None
        if whole and not text and region[0] is not None:
            # Whole lines without a text are taken away, and not replaced by an empty one.
            return [[region[0], 1, (region[2] or region[0]) + 1, 1, ""]]
        return [[*region, text.removesuffix("\n") if whole else text]]
    return []
