"""Silence: what it means that nobody reported a finding again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from enum import Enum, auto

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.coverage import UnitState
from codeflow_engine.domain.diff import FileStatus, Side, Unit
from codeflow_engine.domain.source import SourceReport, only_bots
from codeflow_engine.review.partition import Partition

__all__ = ["Places", "Silence", "Witnesses"]


class Silence(Enum):
    """What follows from it."""

    RESOLVED = auto()
    """Everybody who had reported the finding has looked at its file again."""

    UNPROVEN = auto()
    """Somebody who had reported it failed, or was cut short: it stays open."""

    NOT_ASKED = auto()
    """Somebody who had reported it was not asked or calls the file none of its business, or
    policy leaves the file out."""


class Places:
    """Finds the files of earlier versions in the version under review.

    Every path in and out is one with its secrets redacted, as those that are stored.
    """

    def __init__(self, change: Change, redact: Callable[[str], str]) -> None:
        self._entries: defaultdict[str, list[int]] = defaultdict(list)
        self._from: defaultdict[str, list[int]] = defaultdict(list)
        self._origins: dict[str, str] = {}
        self._paths: list[str] = []
        self.arrived: set[int] = set()
        """Entries that may continue a file of an earlier version under another name."""

        self._files = list(change.diff.files)
        for entry, file in enumerate(self._files):
            path, origin = redact(file.path), redact(file.old_path or file.path)
            self._paths.append(path)
            self._entries[path].append(entry)
            self._origins.setdefault(path, origin)
            if file.old_path is not None:
                self._from[origin].append(entry)
            if file.status in (FileStatus.ADDED, FileStatus.RENAMED, FileStatus.COPIED):
                self.arrived.add(entry)

    def origin(self, path: str) -> str:
        """Say where a file of the change was at the base."""
        return self._origins.get(path, path)

    def shows(self, path: str, side: Side, line: int | None) -> bool:
        """Tell whether a hunk shows a line; a whole file is always shown."""
        return line is None or any(
            self._files[entry].find_hunk(side, line) is not None
            for entry in self._entries.get(path, ())
        )

    def entries(self, path: str, origin: str) -> list[int]:
        """Find the entries of a file that an earlier version had; empty where it is gone."""
        return self._entries.get(path) or self._from.get(origin) or self._from.get(path) or []

    def today(self, path: str, origin: str) -> str:
        """Give the path that a file of an earlier version has now; the old one where gone."""
        entries = self.entries(path, origin)
        return self._paths[entries[0]] if entries else path


class Witnesses:
    """Judges silence by what each source has examined of this version."""

    def __init__(
        self,
        change: Change,
        places: Places,
        partition: Partition,
        reports: tuple[SourceReport, ...],
        unheard: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        self._places = places
        self._unheard = {source: {p for s, p in unheard if s == source} for source, _ in unheard}
        self._decided = partition.decided.keys()
        self._excluded = {
            unit
            for unit, decision in partition.decided.items()
            if decision.state == UnitState.EXCLUDED
        }
        self._reports = {report.source: report for report in reports}
        self._declined = {
            report.source: {unit for unit, _ in report.declined} for report in reports
        }
        self._units: defaultdict[int, list[Unit]] = defaultdict(list)
        for unit in change.diff.units:
            self._units[unit.file].append(unit)
        self._judged: dict[tuple[str, tuple[int, ...]], Silence] = {}

    def judge(self, path: str, origin: str, sources: Iterable[str]) -> Silence:
        """Say what it means that no source speaks of a finding of a file any more."""
        entries = tuple(self._places.entries(path, origin))
        told = tuple(sources)
        # Nobody can tell what a bot has looked at; where somebody else says the same, they judge.
        sources = told if only_bots(told) else [one for one in told if not only_bots([one])]
        verdicts = {self._verdict(source, entries) for source in sources}
        here = {path, origin, self._places.today(path, origin)}
        if any(here & self._unheard.get(source, set()) for source in sources):
            # It did speak of the file, in words that could not be placed.
            verdicts.add(Silence.UNPROVEN)
        for verdict in (Silence.UNPROVEN, Silence.NOT_ASKED):
            if verdict in verdicts:
                return verdict
        return Silence.RESOLVED

    def _verdict(self, source: str, entries: tuple[int, ...]) -> Silence:
        if (source, entries) not in self._judged:
            judge = self._of_file if entries else self._of_gone
            self._judged[source, entries] = judge(source, entries)
        return self._judged[source, entries]

    def _of_file(self, source: str, entries: Iterable[int]) -> Silence:
        """Judge by the units of the file that policy does not leave out."""
        units = [unit for entry in entries for unit in self._units[entry]]
        asked = [unit for unit in units if unit not in self._excluded]
        if source not in self._reports or not asked:
            return Silence.NOT_ASKED
        examined = self._reports[source].examined
        # What a source declines is none of its business: that is no failure, but where it
        # declined the whole file nobody has looked.
        silent = [unit for unit in asked if unit not in examined]
        if not self._declined[source].issuperset(silent):
            return Silence.UNPROVEN
        return Silence.NOT_ASKED if len(silent) == len(asked) else Silence.RESOLVED

    def _of_gone(self, source: str, _: object) -> Silence:
        """Judge a file that is gone by the ones that may continue it under another name."""
        units = {unit for entry in self._places.arrived for unit in self._units[entry]}
        units -= self._decided
        if not units:
            return Silence.RESOLVED
        if source not in self._reports:
            return Silence.NOT_ASKED
        accounted = self._reports[source].examined | self._declined[source]
        return Silence.RESOLVED if units <= accounted else Silence.UNPROVEN
