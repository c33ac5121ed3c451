"""Which files of a change a tool has to look at, and what becomes of the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from codeflow_engine.contracts.analyzer import Analysis
from codeflow_engine.domain.change import FileContent
from codeflow_engine.domain.diff import DiffFile, Side, Unit
from codeflow_engine.providers.analyzer.tools.source import Source, UnreadableError, is_python

__all__ = ["Chosen", "Declines", "choose"]

_LINK: Final = "120000"
_SUBMODULE: Final = "160000"
_AT_ONCE: Final = 2_000
_BYTES_AT_ONCE: Final = 64 * 1024 * 1024
"""Most that one call reads, as far as sizes are known: what does not count is let go of
between two calls. A call costs as much as 100 files of usual size, and looks through the
whole change."""

_UNKNOWN: Final = 512 * 1024
"""Size that a file is taken for of which the change shows only a part."""

_BARE: Final = "a bare patch has no files around it"

type Declines = Callable[[str], str | None]
"""Says why a path is none of a tool's business; None where it is."""


@dataclass(slots=True, kw_only=True)
class Chosen:
    """The files of a change, as far as they could be read, and the fate of all others."""

    units: list[tuple[Unit, str]] = field(default_factory=list)
    """Units of Python files, each with its path."""

    declined: list[tuple[Unit, str]] = field(default_factory=list)
    """Units whose entry says that they are not the tool's business."""

    failed: list[tuple[Unit, str]] = field(default_factory=list)
    """Units whose entry does not show what is in the file."""

    hunks: dict[str, list[range]] = field(default_factory=dict)
    """Lines that the hunks of a path show on the new side, in the order of the change."""

    sizes: dict[str, int] = field(default_factory=dict)
    """How large the file of a path may be."""

    sources: list[Source] = field(default_factory=list)
    foreign: dict[str, str] = field(default_factory=dict)
    """Why a path turned out not to be the tool's business."""

    unread: dict[str, str] = field(default_factory=dict)
    """Why a path could not be read though it should have been."""


async def choose(
    analysis: Analysis, declines: Declines, *, file_bytes: int, total_bytes: int
) -> Chosen:
    """Sort the units by their files, and read those that are Python.

    A path that may lead anywhere is never used as one: a file is asked for by the name
    that the change has for it, and only its content comes back.

    Args:
        analysis: What to look at.
        declines: Says what else is not the tool's business.
        file_bytes: Largest file.
        total_bytes: Size of all files together.
    """
    chosen = await asyncio.to_thread(_sort, analysis, declines)
    if analysis.change.provider is None:
        chosen.foreign.update(dict.fromkeys(chosen.hunks, _BARE))
        return chosen
    left = total_bytes
    for paths in _shares(chosen.sizes):
        files = await analysis.read_files(paths, Side.NEW)
        for path, file in _answers(paths, files):
            try:
                source = _read(path, file, file_bytes, chosen)
            except UnreadableError as error:
                chosen.unread[path] = str(error)
                continue
            if source is None:
                continue
            left -= len(source.content)
            if left < 0:
                chosen.unread[path] = f"the change holds more than {total_bytes} bytes of Python"
            else:
                chosen.sources.append(source)
        await asyncio.sleep(0)
    return chosen


def _sort(analysis: Analysis, declines: Declines) -> Chosen:
    chosen = Chosen()
    files = analysis.change.diff.files
    for place, units in groupby(analysis.units, key=lambda unit: unit.file):
        file = files[place]
        if reason := _not_python(file) or declines(file.path):
            chosen.declined.extend((unit, reason) for unit in units)
        elif file.is_binary:
            # Attributes can make git show a text so, and no line of it could be pointed at.
            reason = "the change shows it as binary, without its lines"
            chosen.failed.extend((unit, reason) for unit in units)
        else:
            chosen.units.extend((unit, file.path) for unit in units)
            shown = [hunk.numbers(Side.NEW) for hunk in file.hunks]
            chosen.hunks.setdefault(file.path, []).extend(shown)
            whole = file.old_path is None
            chosen.sizes[file.path] = file.span.end - file.span.start if whole else _UNKNOWN
    return chosen


def _shares(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Share paths out over calls of the host."""
    share: list[str] = []
    left = _BYTES_AT_ONCE
    for path, size in sizes.items():
        if share and (size > left or len(share) == _AT_ONCE):
            yield share
            share, left = [], _BYTES_AT_ONCE
        share.append(path)
        left -= size
    if share:
        yield share


def _not_python(file: DiffFile) -> str | None:
    """Say why an entry is not of Python source.

    That holds for the entry alone: where a file takes the place of a link, one of the two
    entries of that path is examined.
    """
    if not is_python(file.path):
        return "not a Python file"
    if file.new_path is None:
        return "the change deletes it"
    if file.new_mode == _LINK:
        return "a symbolic link, which is not followed"
    if file.new_mode == _SUBMODULE:
        return "a submodule"
    return None


def _answers(
    paths: Sequence[str], files: Sequence[FileContent]
) -> Iterator[tuple[str, FileContent]]:
    """Hold a host to one answer for each path, in their order."""
    for at, path in enumerate(paths):
        if at < len(files) and files[at].path == path:
            yield path, files[at]
        else:
            yield path, FileContent(path=path, reason="the host gave no answer for it")


def _read(path: str, file: FileContent, limit: int, chosen: Chosen) -> Source | None:
    if file.content is None:
        raise UnreadableError(file.reason or "its content is not there")
    if file.mode == _LINK:
        chosen.foreign[path] = "a symbolic link, which is not followed"
        return None
    if b"\0" in file.content:
        raise UnreadableError("it holds a NUL byte, so it is no text")
    if len(file.content) > limit:
        raise UnreadableError(f"it is larger than {limit} bytes")
    return Source(path, file.content)
