"""Show: units of a change become pieces of text for models, with the way back to their lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from types import MappingProxyType
from typing import Final, NamedTuple

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import DiffFile, FileStatus, Hunk, LineKind, Unit
from codeflow_engine.redaction import Redactor
from codeflow_engine.reports.visible import escape_path
from codeflow_engine.review.cutting import Row, cut
from codeflow_engine.review.piece import Piece, ShownLine
from codeflow_engine.review.readable import readable_lines, readable_text

__all__ = ["Shown", "show"]

_NOTHING: Final[Mapping[Unit, str]] = MappingProxyType({})
_MARKS: Final = {LineKind.ADD: "+", LineKind.DELETE: "-", LineKind.CONTEXT: " "}
_NO_NEWLINE: Final = Row("\\ No newline at end of file")
_GOES_ON: Final = "(goes on in another part)\n"
_HUNK: Final = "hunk:\n"
_CONTINUED: Final = "hunk, continued from another part:\n"

_LONG_REMOVAL: Final = 24
"""Removed lines in a row of which all are shown, where nothing takes their place."""

_ENDS: Final = 8
"""Lines that are shown of a longer removal, at each end of it."""

_AROUND: Final = 4
"""What surrounds a hunk gets no more than this part of the room."""

_BYTES: Final = 4
"""Most bytes of a character. No text has more tokens than bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What models are shown of a change, and what of it they are not."""

    pieces: tuple[Piece, ...]
    """In the order of the units; the parts of one unit follow one another."""

    declined: dict[Unit, str]
    """Units that are none of a model's business, such as binary content, with the reason."""

    failed: dict[Unit, str]
    """Units that cannot be shown, such as a line that is too long, with the reason."""


def show(
    change: Change,
    units: Sequence[Unit],
    redactor: Redactor,
    *,
    around: Mapping[Unit, str] = _NOTHING,
    most: int,
    tokens: Callable[[str], int],
) -> Shown:
    """Write each unit as a model may see it.

    What is written depends on the unit and on what surrounds it, and on no line number, so
    that it stays the same while the change around it moves.

    Args:
        change: The change.
        units: Those of its units that models are shown.
        redactor: Takes secrets out.
        around: Code near a hunk, from the file.
        most: Tokens of one piece; a longer hunk is cut into parts at ends of lines.
        tokens: Counts the tokens of a text, which are no more than its bytes.
    """
    writer = _Writer(redactor, most, tokens)
    pieces: list[Piece] = []
    declined: dict[Unit, str] = {}
    failed: dict[Unit, str] = {}
    for place, found in groupby(units, key=lambda unit: unit.file):
        file = change.diff.files[place]
        if file.unsupported is not None:
            failed |= dict.fromkeys(found, file.unsupported)
            continue
        if file.is_binary:
            declined |= dict.fromkeys(found, "binary content")
            continue
        title = writer.title(file)
        for unit in found:
            try:
                pieces += writer.write(title, file, unit, around.get(unit, ""))
            except _UnshownError as error:
                failed[unit] = str(error)
    return Shown(pieces=tuple(pieces), declined=declined, failed=failed)


class _UnshownError(Exception):
    """Says why a unit cannot be shown; never leaves the stage."""


class _Title(NamedTuple):
    """How the pieces of one file begin."""

    paths: tuple[str, ...]
    names: tuple[str, ...]
    text: str


class _Writer:
    """Writes the units of one change."""

    def __init__(self, redactor: Redactor, most: int, tokens: Callable[[str], int]) -> None:
        self._redactor = redactor
        self._most = most
        self._tokens = tokens

    def title(self, file: DiffFile) -> _Title:
        """Write what the pieces of a file begin with."""
        paths: tuple[str, ...] = (file.path,)
        if file.old_path not in (None, file.path):
            paths = (file.path, str(file.old_path))
        names = tuple(_name(self._redactor.redact(path)) for path in paths)
        return _Title(paths, names, f"file {', '.join(_facts(file, names))}\n")

    def write(self, title: _Title, file: DiffFile, unit: Unit, around: str) -> Iterator[Piece]:
        """Write the pieces of one unit."""
        hunk = None if unit.hunk is None else file.hunks[unit.hunk]
        rows = [] if hunk is None else _rows(hunk, self._redactor)
        head = title.text if hunk is None else title.text + self._notes(hunk, around)
        whole = head if hunk is None else f"{head}{_HUNK}{_text(rows)}"
        piece = Piece(
            unit=unit,
            path=file.path,
            paths=title.paths,
            names=title.names,
            text=whole,
            lines=_lines(rows),
        )
        if self._fits(whole):
            yield piece
        elif hunk is None:
            raise _UnshownError("the name of the file is too long to be shown")
        else:
            yield from self._parts(piece, head, rows)

    def _notes(self, hunk: Hunk, around: str) -> str:
        """Write what surrounds a hunk, as far as there is room for it."""
        kept: list[str] = []
        if around.strip():
            shown = readable_text(around.strip("\r\n"), self._redactor).split("\n")
            kept = [f" {line}".rstrip() for line in shown]
            while kept and not self._fits("\n".join(kept), self._most // _AROUND):
                del kept[len(kept) // 2 :]
        notes = "".join(f"{line}\n" for line in ("around:", *kept)) if kept else ""
        if not kept and hunk.section.strip():
            section = readable_text(hunk.section, self._redactor).strip()
            notes = f"at: {section}\n"
            if not self._fits(notes, self._most // _AROUND):
                notes = ""
        return notes + _ends_of_lines(hunk)

    def _parts(self, piece: Piece, head: str, rows: list[Row]) -> Iterator[Piece]:
        """Write a hunk in several pieces; a part in which nothing changed is left out."""
        room = self._most - self._tokens(head + _CONTINUED) - self._tokens(_GOES_ON)
        if room <= 0:
            raise _UnshownError("the name of the file is too long to be shown")
        parts = cut(rows, room, self._tokens)
        for part in parts:
            size = self._tokens(_text(rows[part.start : part.stop])) if len(part) == 1 else 0
            if size > room:
                raise _UnshownError(f"a line has about {size:,} tokens; {room:,} can be shown")
        shown = [part for part in parts if any(map(_is_changed, rows[part.start : part.stop]))]
        for number, part in enumerate(shown or parts):
            own = rows[part.start : part.stop]
            begin = _CONTINUED if part.start else _HUNK
            end = _GOES_ON if part.stop < len(rows) else ""
            text = f"{head}{begin}{_text(own)}{end}"
            yield replace(piece, text=text, lines=_lines(own), part=number)

    def _fits(self, text: str, room: int | None = None) -> bool:
        room = self._most if room is None else room
        size = len(text) if text.isascii() else len(text) * _BYTES
        return size <= room or self._tokens(text) <= room


def _name(path: str) -> str:
    """Write a path so that it ends where its quotes end."""
    return json.dumps(escape_path(path), ensure_ascii=False)[1:-1]


def _facts(file: DiffFile, names: tuple[str, ...]) -> Iterator[str]:
    """Say which file it is and what became of it."""
    yield f'"{names[0]}"'
    moved = file.status in {FileStatus.RENAMED, FileStatus.COPIED}
    if moved:
        yield f'{file.status} from "{names[-1]}"'
    elif file.status in {FileStatus.ADDED, FileStatus.DELETED}:
        yield str(file.status)
    if None not in (file.old_mode, file.new_mode) and file.old_mode != file.new_mode:
        yield f"mode changed from {file.old_mode} to {file.new_mode}"
    elif file.new_mode == "100755" and file.status is FileStatus.ADDED:
        yield "executable"
    if file.is_symlink:
        yield "a symbolic link: its content is the path that it leads to"
    if file.is_submodule:
        yield "a submodule: its content is the id of a commit of another repository"
    if not file.hunks:
        yield "content as it was" if moved or file.old_path == file.new_path else "without content"


def _ends_of_lines(hunk: Hunk) -> str:
    """Tell of a change that the lines themselves do not show: of how they end."""
    if b"\r\n" not in hunk.render():
        return ""
    removed, added = (
        {line.text.endswith("\r") for line in hunk.lines if line.kind is kind}
        for kind in (LineKind.DELETE, LineKind.ADD)
    )
    if len(removed) != 1 or len(added) != 1 or removed == added:
        return ""
    names = ("CR LF", "LF") if True in removed else ("LF", "CR LF")
    return f"ends of lines: {names[0]} where removed, {names[1]} where added\n"


def _rows(hunk: Hunk, redactor: Redactor) -> list[Row]:
    texts = readable_lines(hunk.lines, redactor)
    rows: list[Row] = []
    kinds: set[LineKind] = set()
    for line, text in zip(hunk.lines, texts, strict=True):
        kinds.add(line.kind)
        shown = ShownLine(
            kind=line.kind,
            text=text,
            old_number=line.old_number,
            new_number=line.new_number,
            ends_in_cr=line.text.endswith("\r"),
        )
        rows.append(Row(_MARKS[line.kind] + text, shown))
        if line.no_newline:
            rows.append(_NO_NEWLINE)
    return rows if LineKind.ADD in kinds else list(_shortened(rows))


def _shortened(rows: list[Row]) -> Iterator[Row]:
    """Leave out the middle of long removals."""
    for removed, found in groupby(rows, key=_is_changed):
        run = list(found)
        if not removed or len(run) <= _LONG_REMOVAL:
            yield from run
            continue
        yield from run[:_ENDS]
        yield Row(f"... {len(run) - 2 * _ENDS} more removed lines")
        yield from run[-_ENDS:]


def _is_changed(row: Row) -> bool:
    return row.line is not None and row.line.kind is not LineKind.CONTEXT


def _text(rows: Sequence[Row]) -> str:
    return "".join([f"{row.text}\n" for row in rows])


def _lines(rows: Sequence[Row]) -> tuple[ShownLine, ...]:
    return tuple([row.line for row in rows if row.line is not None])
