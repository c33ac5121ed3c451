"""Numbers, times and places as the HTML report writes them, and the order of findings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from codeflow_engine.reports.findings import SEVERITIES

__all__ = [
    "by_file",
    "counted",
    "duration",
    "is_live",
    "place",
    "revision",
    "severities",
    "shorten",
    "tally",
]

_RANKS = {name: rank for rank, name in enumerate(SEVERITIES)}
_REVISION = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SHORT = 12
_MINUTE = 60


def counted(number: int, noun: str) -> str:
    """Write a number with its noun: `1 unit`, `2,000 units`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration(seconds: float) -> str:
    """Write a time: `0.42 s`, `2 min 3 s`."""
    if seconds < _MINUTE:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes:,} min {rest} s"


def revision(name: str) -> str:
    """Shorten the id of a commit; another name of a revision stays as it is."""
    return name[:_SHORT] if _REVISION.fullmatch(name) else name


def place(finding: Mapping[str, Any]) -> str:
    """Say where in its file a finding stands: `line 12:5`, `lines 3-9`, `whole file`."""
    first, last = finding["line"], finding["end_line"]
    if first is None:
        told = "whole file"
    elif last is not None and last > first:
        told = f"lines {first}-{last}"
    else:
        column = (finding["evidence"] or {}).get("column")
        told = f"line {first}" if column is None else f"line {first}:{column}"
    return told if finding["side"] == "new" else f"{told}, before the change"


def shorten(text: str, most: int) -> str:
    """Cut a text to what one place has room for; an ellipsis says that it was longer."""
    return text if len(text) <= most else f"{text[: most - 1]}\u2026"


def is_live(finding: Mapping[str, Any]) -> bool:
    """Say whether a finding counts: it is neither resolved nor dismissed."""
    return finding["state"] in {"new", "open"}


def severities(findings: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Count findings by severity, worst first, with those that there are none of."""
    found = Counter(finding["severity"] for finding in findings)
    return {name: found[name] for name in SEVERITIES}


def tally(counts: Mapping[str, int]) -> str:
    """Write counts in words, without those of nothing: `2 high, 1 low`."""
    return ", ".join(f"{number:,} {name}" for name, number in counts.items() if number)


def by_file(
    findings: Sequence[Mapping[str, Any]],
) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Group findings by file: the file with the worst finding first, then by path."""
    worst: dict[str, int] = {}
    for finding in findings:
        rank = _RANKS[finding["severity"]]
        worst[finding["path"]] = min(rank, worst.get(finding["path"], rank))
    ordered = sorted(
        findings,
        key=lambda f: (worst[f["path"]], f["path"], _RANKS[f["severity"]], f["line"] or 0),
    )
    return [(path, list(group)) for path, group in groupby(ordered, key=lambda f: f["path"])]
