"""What is said between the engine and the process of a scan.

The engine sends one line of JSON, then the units, then the diff's bytes. Units are runs of
three numbers: file, first hunk, and the hunk after the last; a first hunk of -1 stands
for an entry without hunks.

The process answers in rows, each a JSON list on a line of its own:

| row | says |
|---|---|
| `["finding", unit, old, {...}]` | a finding; whether its path is the old one; its fields |
| `["examined", first, stop]` | these units were looked at to the end |
| `["declined", first, stop, reason]` | these units are none of the scan's business |
| `["failed", what, where]` | the scan raised: an exception's type, a module and a line |
| `["end", rows]` | the answer is whole; how many rows stand above |

A unit is a place in the list that was sent. Neither paths nor text of the change are
in a row, unless the scan puts them into a finding.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from codeflow_engine.domain.diff import Diff, Unit

if TYPE_CHECKING:
    from codeflow_engine.domain.finding import RawFinding

__all__ = [
    "FORM",
    "SUGGESTED",
    "Request",
    "dump",
    "finding_fields",
    "pack_units",
    "read_request",
    "write_head",
]

SUGGESTED: Final = ("replacement", "start_line", "end_line")
"""What a source says of a suggestion."""

FORM: Final = 1
"""Raised when the form changes; both sides are always of one installation."""

_NO_HUNKS: Final = -1
_HEAD_LIMIT: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a process is asked to do."""

    scan: str
    """The function, as `module:name`."""

    roots: tuple[str, ...]
    """Directories that the function's package is imported from, beside the usual ones."""

    settings: Mapping[str, Any]
    caps: tuple[int, int]
    """Most findings of one file, and of all files."""

    units: Sequence[Unit]
    diff: Diff


def dump(row: Any) -> bytes:
    """Write a row; JSON in ASCII, so that no character of it can end a line."""
    return json.dumps(row, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def pack_units(units: Iterable[Unit]) -> array[int]:
    """Write units as runs."""
    runs = array("q")
    for unit in units:
        first = _NO_HUNKS if unit.hunk is None else unit.hunk
        if runs and first > 0 and runs[-3] == unit.file and runs[-1] == first:
            runs[-1] = first + 1
        else:
            runs.extend((unit.file, first, first + 1))
    return runs


def _unpack_units(runs: array[int]) -> tuple[Unit, ...]:
    return tuple(
        Unit(file=runs[at], hunk=None if hunk == _NO_HUNKS else hunk)
        for at in range(0, len(runs), 3)
        for hunk in range(runs[at + 1], runs[at + 2])
    )


def write_head(
    *,
    scan: str,
    roots: Sequence[str],
    settings: Mapping[str, Any],
    caps: tuple[int, int],
    sizes: tuple[int, int],
) -> bytes:
    """Write the first line of a request; `sizes` are the bytes of units and diff."""
    row = {
        "form": FORM,
        "scan": scan,
        "roots": list(roots),
        "settings": dict(settings),
        "caps": list(caps),
        "sizes": list(sizes),
    }
    return dump(row)


def read_request(stream: BinaryIO) -> Request:
    """Read a request.

    Raises:
        EOFError: It ends before its end.
        ValueError: It is of another form, or a part of it is malformed.
    """
    head = json.loads(stream.readline(_HEAD_LIMIT))
    if head["form"] != FORM:
        raise ValueError("the request is of another form")
    runs = array("q")
    runs.frombytes(_read(stream, head["sizes"][0]))
    data = _read(stream, head["sizes"][1])
    return Request(
        scan=head["scan"],
        roots=tuple(head["roots"]),
        settings=head["settings"],
        caps=tuple(head["caps"]),
        units=_unpack_units(runs),
        diff=Diff.parse(data),
    )


def _read(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError("the request is cut off")
    return data


def finding_fields(finding: RawFinding) -> dict[str, Any]:
    """Write the fields of a finding that differ from their defaults, all but its path."""
    row = {
        field.name: value
        for field in fields(finding)
        if field.name != "path" and (value := getattr(finding, field.name)) != field.default
    }
    if finding.suggestion is not None:
        # Whether it is verified is nothing that a source may say.
        row["suggestion"] = {name: getattr(finding.suggestion, name) for name in SUGGESTED}
    return row
