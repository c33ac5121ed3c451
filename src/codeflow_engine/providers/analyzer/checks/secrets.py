"""The scan for secrets: lines that a change adds or removes, and names that it gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from codeflow_engine.domain.diff import Diff, DiffFile, Hunk, Side, Unit
from codeflow_engine.providers.analyzer.checks.kinds import is_lock
from codeflow_engine.providers.analyzer.checks.secret_words import (
    ASSIGNED,
    LINE_BLOCKS,
    Stand,
    in_lines,
    in_name,
    is_lasting,
)
from codeflow_engine.providers.analyzer.checks.secrets_settings import SecretsSettings
from codeflow_engine.providers.analyzer.checks.sides import SideText, Walk
from codeflow_engine.providers.analyzer.scanning import Scanned
from codeflow_engine.redaction import Redactor, Span

if TYPE_CHECKING:
    from codeflow_engine.domain.finding import RawFinding

__all__ = ["scan"]


def scan(diff: Diff, units: Sequence[Unit], settings: Mapping[str, Any]) -> Iterator[Scanned]:
    """Look for secrets in every unit."""
    chosen = SecretsSettings(**settings)
    redactor = Redactor()
    kept = _Kept(diff, redactor)
    place, file = -1, None
    for unit in units:
        fresh = file is None or place != unit.file
        if file is None or fresh:
            place, file = unit.file, diff.files[unit.file]
        if file.unsupported is not None:
            yield Scanned(unit=unit, declined=file.unsupported)
            continue
        names = _in_names(file, redactor) if fresh else ()
        yield Scanned(unit=unit, findings=_find(file, unit, names, chosen, kept))


def _find(
    file: DiffFile,
    unit: Unit,
    names: Iterator[RawFinding] | tuple[()],
    settings: SecretsSettings,
    kept: _Kept,
) -> Iterator[RawFinding]:
    yield from names
    if unit.hunk is None:
        return
    hunk = file.hunks[unit.hunk]
    yield from _added(file, hunk, kept.redactor)
    if settings.removed and hunk.deleted:
        yield from _removed(file, hunk, kept)


def _in_names(file: DiffFile, redactor: Redactor) -> Iterator[RawFinding]:
    """Look at the name that the change gives to a file; one that stays is none of its own."""
    if file.new_path is not None and file.new_path != file.old_path:
        for rule in sorted({span.rule for span in redactor.find(file.new_path)}):
            yield in_name(rule, file.path)


def _added(file: DiffFile, hunk: Hunk, redactor: Redactor) -> Iterator[RawFinding]:
    """Look at what the change adds; a lock file states versions behind names of packages."""
    if not hunk.added:
        return
    side = SideText.of(hunk, Side.NEW)
    spans: Sequence[Span] = redactor.find(side.text)
    if is_lock(file.path):
        spans = [span for span in spans if span.rule != ASSIGNED]
    yield from _told(spans, side, Side.NEW, file.path)


def _removed(file: DiffFile, hunk: Hunk, kept: _Kept) -> Iterator[RawFinding]:
    """Look at what the change takes away, unless it stays somewhere else in the change.

    Only what has to be revoked is told of: that something merely looked like a secret is no
    reason to go through a history.
    """
    path = file.old_path or file.path
    side = SideText.of(hunk, Side.OLD)
    spans = [
        span
        for span in kept.redactor.find(side.text)
        if is_lasting(span.rule, path) and side.text[span.start : span.end] not in kept
    ]
    yield from _told(spans, side, Side.OLD, path)


def _told(spans: Sequence[Span], side: SideText, which: Side, path: str) -> Iterator[RawFinding]:
    """Make findings of the spans on touched lines; a block of lines is one finding."""
    walk = Walk(side)
    held: tuple[str, Stand] | None = None
    for span in spans:
        place = walk.to(span.start)
        if not place.touched:
            continue
        if held and held[0] == span.rule and span.rule in LINE_BLOCKS:
            rule, stand = held
            if stand.end_line + 1 == place.line:
                held = rule, replace(stand, end_line=place.line)
                continue
        if held:
            yield in_lines(*held)
        held = (
            span.rule,
            Stand(
                path=path,
                side=which,
                line=place.line,
                end_line=place.line,
                column=place.column,
                end_column=place.column + span.end - span.start,
            ),
        )
    if held:
        yield in_lines(*held)


class _Kept:
    """The secrets that the new side of the change shows; read when first asked for."""

    def __init__(self, diff: Diff, redactor: Redactor) -> None:
        self._diff = diff
        self.redactor = redactor
        self._values: set[str] | None = None

    def __contains__(self, value: str) -> bool:
        if self._values is None:
            self._values = set(self._read())
        return value in self._values

    def _read(self) -> Iterator[str]:
        for file in self._diff.files:
            for hunk in file.hunks:
                text = SideText.of(hunk, Side.NEW).text
                for span in self.redactor.find(text):
                    yield text[span.start : span.end]
