"""The scan for hygiene: what a reviewer ought to be told before reading anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from codeflow_engine.domain.diff import Diff, DiffFile, Hunk, Side, Unit
from codeflow_engine.providers.analyzer.checks.binaries import find_binary
from codeflow_engine.providers.analyzer.checks.bulk import find_executable, find_huge
from codeflow_engine.providers.analyzer.checks.hygiene_settings import HygieneSettings
from codeflow_engine.providers.analyzer.checks.kinds import is_code
from codeflow_engine.providers.analyzer.checks.leftovers import find_leftovers
from codeflow_engine.providers.analyzer.checks.lockfiles import Lockfiles
from codeflow_engine.providers.analyzer.checks.names import find_link, find_name
from codeflow_engine.providers.analyzer.checks.sides import SideText, is_plain
from codeflow_engine.providers.analyzer.scanning import Scanned

if TYPE_CHECKING:
    from codeflow_engine.domain.finding import RawFinding

__all__ = ["scan"]


def scan(diff: Diff, units: Sequence[Unit], settings: Mapping[str, Any]) -> Iterator[Scanned]:
    """Look at every unit; what belongs to a file as a whole is found in its first one."""
    chosen = HygieneSettings(**settings)
    lockfiles = Lockfiles(diff) if chosen.lockfiles else None
    for place, asked in groupby(units, key=lambda unit: unit.file):
        file = diff.files[place]
        if file.unsupported is not None:
            yield from (Scanned(unit=unit, declined=file.unsupported) for unit in asked)
            continue
        whole = _in_entry(file, chosen, lockfiles)
        conflicts = _conflicts(file) if chosen.conflicts else {}
        for unit in asked:
            yield Scanned(unit=unit, findings=_find(file, unit, whole, conflicts, chosen))


def _find(
    file: DiffFile,
    unit: Unit,
    whole: Iterator[RawFinding],
    conflicts: Mapping[int, Sequence[RawFinding]],
    settings: HygieneSettings,
) -> Iterator[RawFinding]:
    yield from whole  # used up by the first unit
    if unit.hunk is None:
        return
    yield from conflicts.get(unit.hunk, ())
    hunk = file.hunks[unit.hunk]
    if not hunk.added:
        return
    new = _NewSide(hunk)
    if settings.leftovers:
        yield from find_leftovers(file.path, hunk, new)
    if settings.characters and not is_plain(hunk.render()):
        yield from _characters(file.path, new())


# Two rooms that are opened when needed: most changes are plain ASCII without a conflict.
def _characters(path: str, side: SideText) -> Iterator[RawFinding]:
    from codeflow_engine.providers.analyzer.checks.characters import find_characters
    from codeflow_engine.providers.analyzer.checks.confusables import find_confusables

    yield from find_characters(path, side)
    if is_code(path):
        yield from find_confusables(path, side)


def _conflicts(file: DiffFile) -> Mapping[int, Sequence[RawFinding]]:
    span = file.span
    if any(span.data.find(sign, span.low, span.high) < 0 for sign in _SIGNS):
        return {}
    from codeflow_engine.providers.analyzer.checks.conflicts import find_conflicts

    return find_conflicts(file)


_SIGNS: Final = (b"<<<<<<<", b"=======", b">>>>>>>")


class _NewSide:
    """The new side of a hunk, read when a check first needs it."""

    def __init__(self, hunk: Hunk) -> None:
        self._hunk = hunk
        self._read: SideText | None = None

    def __call__(self) -> SideText:
        if self._read is None:
            self._read = SideText.of(self._hunk, Side.NEW)
        return self._read


def _in_entry(
    file: DiffFile, settings: HygieneSettings, lockfiles: Lockfiles | None
) -> Iterator[RawFinding]:
    if settings.files:
        yield from find_name(file)
        yield from find_link(file)
        yield from find_executable(file)
        yield from find_binary(file, settings) if file.is_binary else find_huge(file, settings)
    if lockfiles is not None:
        yield from lockfiles.find(file)
