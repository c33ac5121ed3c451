"""Surround: read what stands around the hunks, so that a model sees them in their function.

For each hunk it is the heads of the classes and functions that enclose its changed lines,
and the rest of the function where that is short. Nothing in it is a number of a line: it
stays byte for byte as it was when something else in the file moves it up or down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched, groupby
from typing import Any, Final

from codeflow_engine.contracts.analyzer import ReadFiles
from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import DiffFile, Hunk, LineKind, Side, Unit
from codeflow_engine.errors import PluginError, ProviderError, SandboxError
from codeflow_engine.review.parsing.asking import MOST_BYTES, Task, ask, read_text
from codeflow_engine.review.parsing.languages import language_of
from codeflow_engine.review.parsing.scope import MOST_SCOPES, Scope
from codeflow_engine.sandbox import Sandbox

__all__ = ["LEFT_OUT", "surround"]

LEFT_OUT: Final = "[...]"
"""Stands where lines are left out: those of the hunk itself, or the rest of a long head."""

_FILES: Final = 400
_TOGETHER: Final = 64
_HUNKS: Final = 16_000
"""Hunks of all files; each takes up to 300 bytes of the answer."""

_BEYOND: Final = 60
"""Lines of a function beside those of the hunk, up to which all of them are shown."""

_HEAD: Final = 8
"""Lines of one head."""

_WIDTH: Final = 300
_SIZE: Final = 8_000
"""Characters of a whole function, up to which it is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spot:
    """A hunk, and where it stands on the new side."""

    unit: Unit
    hunk: Hunk
    low: int
    """First line that changed."""

    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A file whose text would help, and its hunks."""

    path: str
    language: str
    spots: tuple[_Spot, ...]


async def surround(
    units: Sequence[Unit], change: Change, read_files: ReadFiles, sandbox: Sandbox
) -> dict[Unit, str]:
    """Give the text around hunks, by unit; those that nothing encloses have none.

    Where a file cannot be read or parsed, it is the heading that the diff has for the hunk,
    if there is one. Nothing that goes wrong here fails a review: hunks stand for themselves.

    Args:
        units: The units that models are shown.
        change: The change that they are of.
        read_files: Reads files of the change; a bare patch has none, and then no process is
            started either.
        sandbox: Where the files are parsed.
    """
    headings, places = await asyncio.to_thread(_plan, units, change)
    texts = await _read(places, read_files) if change.provider is not None else {}
    known = await asyncio.to_thread(_match, places, texts)
    tasks = [
        Task(
            language=place.language,
            text=text,
            what="scopes",
            details=[(spot.low, spot.high) for spot in place.spots],
        )
        for place, text in known
    ]
    answers = await ask(tasks, sandbox)
    around = await asyncio.to_thread(_show, known, answers)
    return {unit: text for unit, text in (headings | around).items() if text}


def _plan(units: Sequence[Unit], change: Change) -> tuple[dict[Unit, str], tuple[_Place, ...]]:
    """Find the headings of all hunks, and the files that are worth reading."""
    headings: dict[Unit, str] = {}
    places: list[_Place] = []
    left = _HUNKS
    for at, group in groupby(units, key=lambda unit: unit.file):
        file, spots = change.diff.files[at], []
        for unit in group:
            if unit.hunk is not None:
                hunk = file.hunks[unit.hunk]
                headings[unit] = hunk.section.strip()[:_WIDTH]
                spots.append(_spot(unit, hunk))
        language = _worth(file)
        if spots and language and len(places) < _FILES and len(spots) <= left:
            left -= len(spots)
            path = file.new_path or ""
            places.append(_Place(path=path, language=language, spots=tuple(spots)))
    return headings, tuple(places)


def _worth(file: DiffFile) -> str | None:
    """Give the language of a file with text that its hunks do not show; else None."""
    if file.old_path is None or file.new_path is None:
        return None  # its only hunk is the whole file, or nothing of it is left
    if file.is_symlink or file.is_submodule or file.is_binary:
        return None
    return language_of(file.new_path)


def _spot(unit: Unit, hunk: Hunk) -> _Spot:
    """Find the lines that changed; a line that was removed counts as the one above it."""
    numbers = hunk.numbers(Side.NEW)
    changed: list[int] = []
    above = numbers.start - 1
    for line in hunk.lines:
        above = line.new_number or above
        if line.kind is not LineKind.CONTEXT:
            changed.append(above)
    low, high = min(changed, default=numbers.start), max(changed, default=numbers.start)
    return _Spot(unit=unit, hunk=hunk, low=max(low, 1), high=max(high, 1))


async def _read(places: Iterable[_Place], read_files: ReadFiles) -> dict[str, str]:
    """Read the texts of the new side, as many as may be parsed."""
    texts: dict[str, str] = {}
    left = MOST_BYTES
    for paths in batched(dict.fromkeys(place.path for place in places), _TOGETHER):
        try:
            files = await read_files(paths, Side.NEW)
        except (ProviderError, PluginError, SandboxError):
            break
        for file in files:
            text = None if file.content is None else read_text(file.content)
            if text is not None and file.content is not None and len(file.content) <= left:
                left -= len(file.content)
                texts[file.path] = text
    return texts


def _match(places: Iterable[_Place], texts: Mapping[str, str]) -> list[tuple[_Place, str]]:
    """Keep the files that are those of the diff: they may have changed since."""
    known = []
    for place in places:
        text = texts.get(place.path)
        # Python takes a lone carriage return for the end of a line, and diffs do not.
        if text is None or "\r" in text.replace("\r\n", "\n"):
            continue
        lines = text.split("\n")
        if all(_agrees(spot, lines) for spot in place.spots):
            known.append((place, text))
    return known


def _agrees(spot: _Spot, lines: Sequence[str]) -> bool:
    numbers = spot.hunk.numbers(Side.NEW)
    shown = [line.text for line in spot.hunk.side(Side.NEW)]
    return spot.high <= len(lines) and list(lines[numbers.start - 1 : numbers.stop - 1]) == shown


def _show(known: Sequence[tuple[_Place, str]], answers: Sequence[Any]) -> dict[Unit, str]:
    around: dict[Unit, str] = {}
    for (place, text), answer in zip(known, answers, strict=True):
        lines = [line.removesuffix("\r") for line in text.split("\n")]
        for spot, rows in zip(place.spots, answer or (), strict=answer is not None):
            scopes = _read_scopes(rows, spot, len(lines))
            if scopes is not None:
                around[spot.unit] = _write(scopes, spot.hunk.numbers(Side.NEW), lines)
    return around


def _read_scopes(rows: Any, spot: _Spot, lines: int) -> list[Scope] | None:
    """Check what the other process said; None where it makes no sense."""
    if not isinstance(rows, list) or len(rows) > MOST_SCOPES:
        return None
    scopes = []
    for row in rows:
        if not isinstance(row, list) or [*map(type, row)] != [int, int, int, bool]:
            return None
        scope = Scope(*row)
        if not 1 <= scope.first <= scope.head <= scope.last <= lines:
            return None
        if not (scope.first <= spot.low and spot.high <= scope.last):
            return None
        scopes.append(scope)
    return scopes


def _write(scopes: Sequence[Scope], shown: range, lines: Sequence[str]) -> str:
    """Write heads from the outermost on, up to a function that is short enough to be shown."""
    rows: list[str] = []
    for scope in scopes:
        whole = _whole(scope, shown, lines) if scope.is_function else None
        if whole is not None:
            return "\n".join([*rows, *whole])
        head = [number for number in range(scope.first, scope.head + 1) if number not in shown]
        rows += [lines[number - 1][:_WIDTH] for number in head[:_HEAD]]
        rows += [LEFT_OUT] if len(head) > _HEAD else []
    return "\n".join(rows)


def _whole(scope: Scope, shown: range, lines: Sequence[str]) -> list[str] | None:
    """Give the lines of a function around those of the hunk; None where they are too many."""
    before = lines[scope.first - 1 : max(shown.start - 1, scope.first - 1)]
    after = lines[shown.stop - 1 : scope.last]
    rows = [*before, LEFT_OUT, *after]
    beyond = len(before) + len(after)
    if not beyond or beyond > _BEYOND or sum(map(len, rows)) > _SIZE:
        return None
    return rows
