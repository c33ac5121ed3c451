"""The program that a scan runs in: a request on its input, an answer on its output.

Whatever goes wrong, the answer says so or lacks its last row. It never holds the text of
an exception, which may quote the change.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from codeflow_engine.domain.diff import DiffFile, Unit
from codeflow_engine.providers.analyzer.checks.telling import tell
from codeflow_engine.providers.analyzer.scanning.value import Scan, Scanned
from codeflow_engine.providers.analyzer.scanning.wire import (
    Request,
    dump,
    finding_fields,
    read_request,
)

if TYPE_CHECKING:
    from codeflow_engine.domain.finding import RawFinding

__all__ = ["TOO_MANY", "Answer", "BrokenScanError", "answer", "main"]

TOO_MANY = "too-many-findings"
"""Rule of the finding that tells of findings which are not shown."""


class BrokenScanError(Exception):
    """A scan does not keep to its form; the message holds nothing of the change."""


class Answer:
    """Writes rows, and holds a scan to its word and to its caps."""

    def __init__(self, out: BinaryIO, request: Request) -> None:
        self._out = out
        self._request = request
        self._rows = 0
        self._run: tuple[int, int, str | None] | None = None
        self._file: DiffFile | None = None
        self._place: int | None = None
        self._in_file = self._in_all = 0
        self._told_all = False

    def write(self, *row: Any) -> None:
        """Write one row."""
        self._out.write(dump(row))
        self._rows += 1

    def take(self, at: int, scanned: Scanned) -> None:
        """Write what was found in the unit at a place, and what became of the unit."""
        file = self._enter(scanned.unit.file)
        room = min(self._request.caps[0] - self._in_file, self._request.caps[1] - self._in_all)
        findings = iter(scanned.findings)
        for finding in islice(findings, max(room, 0)):
            self._find(at, file, finding)
        if next(findings, None) is not None:
            self._cut(at, file)
        else:
            self._account(at, scanned.declined)

    def _enter(self, place: int) -> DiffFile:
        if self._file is None or self._place != place:
            self._file, self._place = self._request.diff.files[place], place
            self._in_file = 0
        return self._file

    def _find(self, at: int, file: DiffFile, finding: RawFinding) -> None:
        from codeflow_engine.domain.finding import RawFinding

        if not isinstance(finding, RawFinding):
            raise BrokenScanError("it gives findings of another type")
        if finding.path not in {file.path, file.old_path}:
            raise BrokenScanError("a finding names another file than its unit does")
        self._in_file += 1
        self._in_all += 1
        self._write_finding(at, file, finding)

    def _write_finding(self, at: int, file: DiffFile, finding: RawFinding) -> None:
        self.write("finding", at, finding.path != file.path, finding_fields(finding))

    def _cut(self, at: int, file: DiffFile) -> None:
        """Tell, once, of findings that are not shown; their unit is in no other row."""
        whole = self._in_all >= self._request.caps[1]
        told = self._told_all if whole else self._in_file > self._request.caps[0]
        if told:
            return
        self._told_all = whole
        self._in_file += 1  # past the cap: told
        cap = self._request.caps[1 if whole else 0]
        self._write_finding(at, file, _too_many(file, cap, whole=whole))

    def _account(self, at: int, reason: str | None) -> None:
        if self._run is not None and self._run[1:] == (at, reason):
            self._run = (self._run[0], at + 1, reason)
            return
        self._flush()
        self._run = (at, at + 1, reason)

    def _flush(self) -> None:
        if self._run is not None:
            first, stop, reason = self._run
            if reason is None:
                self.write("examined", first, stop)
            else:
                self.write("declined", first, stop, reason)
        self._run = None

    def end(self) -> None:
        """Write the row without which nothing above it counts."""
        self._flush()
        self.write("end", self._rows)


def _too_many(file: DiffFile, cap: int, *, whole: bool) -> RawFinding:
    where = "change" if whole else "file"
    return tell(
        rule=TOO_MANY,
        severity="low",
        category="maintainability",
        title=f"More than {cap} findings in one {where}",
        message=(
            f"The first {cap} findings of this {where} are shown. The parts of the change that "
            "hold the others count as not examined. Split the change, or exclude files that "
            "nobody reviews by the policy of the repository."
        ),
        path=file.path,
    )


def _checked(results: Iterator[Scanned], units: Sequence[Unit]) -> Iterator[Scanned]:
    """Hold a scan to one result for each unit, in their order."""
    for unit in units:
        scanned = next(results, None)
        if not isinstance(scanned, Scanned) or scanned.unit != unit:
            raise BrokenScanError("it does not give one result for each unit in turn")
        yield scanned
    if next(results, None) is not None:
        raise BrokenScanError("it gives more results than there are units")


def _load(request: Request) -> Scan:
    sys.path.extend(request.roots)  # last, so that nothing there shadows another module
    module, _, name = request.scan.partition(":")
    scan: Scan = getattr(import_module(module), name)
    return scan


def _place(error: Exception) -> str:
    """Say where an exception was raised: a module and a line, never a text."""
    place = "?"
    traceback = error.__traceback__
    while traceback is not None:
        place = f"{traceback.tb_frame.f_globals.get('__name__')}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place


def answer(stream: BinaryIO, out: BinaryIO) -> int:
    """Read a request, run its scan, write the answer; give the exit status."""
    try:
        request = read_request(stream)
        told = Answer(out, request)
        results = iter(_load(request)(request.diff, request.units, request.settings))
        for at, scanned in enumerate(_checked(results, request.units)):
            told.take(at, scanned)
        told.end()
    except Exception as error:  # noqa: BLE001 - a scan of a plugin may raise anything
        what = str(error) if isinstance(error, BrokenScanError) else type(error).__name__
        out.write(dump(["failed", what, _place(error)]))
        out.flush()
        return 1
    out.flush()
    return 0


def main() -> int:
    """Answer on the standard output, which a scan that prints cannot reach."""
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        return answer(sys.stdin.buffer, out)


if __name__ == "__main__":
    sys.exit(main())
