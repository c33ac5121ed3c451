"""The program that takes a report apart: the report on its input, rows on its output.

| row | says |
|---|---|
| `["finding", {...}]` | a finding, with its place in the report's own words |
| `["failed", why]` | the report is not of its form; the words are this program's own |
| `["end", rows]` | the answer is whole; how many rows stand above |
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from codeflow_engine.providers.analyzer.imports import rdf, sarif
from codeflow_engine.providers.analyzer.imports.form import BadReportError, Node, parse

__all__ = ["MOST_FINDINGS", "answer", "main", "read"]

MOST_FINDINGS: Final = 20_000
_LONGEST_MESSAGE: Final = 4_000
_LONGEST_EDIT: Final = 20_000


def read(data: bytes) -> Iterator[dict[str, Any]]:
    """Yield what a report of any known format tells.

    Raises:
        BadReportError: It is of none, or not of the one that it seems to be.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadReportError("the report is no UTF-8") from None
    if not text.strip():
        raise BadReportError("the report is empty, as a tool leaves it that has crashed")
    lines = [line for line in text.split("\n") if line.strip()]
    try:
        document = Node.of(parse(text, "the report"), "report")
    except BadReportError:
        if len(lines) == 1 or not lines[0].rstrip().endswith("}"):
            raise
        return rdf.read_lines(_diagnostics(lines))
    if "runs" in document.value:
        return sarif.read(document)
    if "diagnostics" in document.value:
        return rdf.read(document)
    if "message" in document.value and "location" in document.value:
        return rdf.read_lines([document])
    raise BadReportError("the report is neither SARIF nor RDF")


def _diagnostics(lines: list[str]) -> list[Node]:
    places = (f"line {at}" for at in range(1, len(lines) + 1))
    return [Node.of(parse(line, place), place) for line, place in zip(lines, places, strict=True)]


def answer(data: bytes, out: BinaryIO) -> int:
    """Write the rows of a report; give the exit status."""
    rows = 0
    try:
        for row in _bounded(read(data)):
            _write(out, ["finding", row])
            rows += 1
        _write(out, ["end", rows])
    except BadReportError as error:
        _write(out, ["failed", str(error)])
    out.flush()
    return 0


def _bounded(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Hold a report to a number of results, and its texts to a length."""
    for count, row in enumerate(rows):
        if count == MOST_FINDINGS:
            raise BadReportError(f"the report has more than {MOST_FINDINGS} results")
        size = sum(len(edit[-1] or "") for edit in row["edits"])
        edits = row["edits"] if size <= _LONGEST_EDIT else []
        yield {**row, "message": row["message"][:_LONGEST_MESSAGE], "edits": edits}


def _write(out: BinaryIO, row: list[Any]) -> None:
    out.write(json.dumps(row, separators=(",", ":")).encode("ascii") + b"\n")


def main() -> int:
    """Answer on the standard output."""
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        return answer(sys.stdin.buffer.read(), out)


if __name__ == "__main__":
    sys.exit(main())
