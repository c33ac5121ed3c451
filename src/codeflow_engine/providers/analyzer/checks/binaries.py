"""Binaries that a change brings: nobody sees what is in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from codeflow_engine.domain.diff import DiffFile
from codeflow_engine.providers.analyzer.checks.hygiene_settings import HygieneSettings
from codeflow_engine.providers.analyzer.checks.kinds import is_test, suffix, words
from codeflow_engine.providers.analyzer.checks.telling import SeverityName, tell

if TYPE_CHECKING:
    from codeflow_engine.domain.finding import RawFinding

__all__ = ["BINARY", "LARGE_BINARY", "find_binary"]

BINARY: Final = "opaque-binary"
LARGE_BINARY: Final = "large-binary"

_EXECUTABLE_MODE: Final = "100755"
_LITERAL: Final = re.compile(rb"\nGIT binary patch\r?\nliteral (\d{1,19})\r?\n")

_PROGRAMS: Final = words(
    "a apk app class com dex dll dmg dylib elf exe jar ko lib msi node o obj pyc pyd pyo rlib"
    " scr so sys war wasm"
)
_ARCHIVES: Final = words(
    "7z br bz2 cab cpio crate deb egg gem gz iso lz4 nupkg rar rpm tar tbz2 tgz txz whl xz zip zst"
)


def find_binary(file: DiffFile, settings: HygieneSettings) -> Iterator[RawFinding]:
    """Look at a binary that the change adds or alters."""
    if file.new_path is None:
        return
    end = suffix(file.path)
    if end in _PROGRAMS or file.new_mode == _EXECUTABLE_MODE:
        yield _finding(
            BINARY,
            file,
            "low" if is_test(file.path) else "medium",
            "A program without its source",
            "The change brings code that can be run and cannot be read. Build it from source "
            "where it is needed, or verify where it comes from.",
        )
    elif end in _ARCHIVES and not is_test(file.path):
        yield _finding(
            BINARY,
            file,
            "low",
            "An archive that cannot be reviewed",
            "Nobody sees what is in it. Keep its content as files, or verify where it comes from.",
        )
    size = _size(file)
    if size > settings.max_binary_bytes:
        yield _finding(
            LARGE_BINARY,
            file,
            "low",
            "A large binary file",
            f"It has {size} bytes; the limit is {settings.max_binary_bytes}. It stays in the "
            "history for ever. Keep it in a store for large files.",
        )


def _size(file: DiffFile) -> int:
    """Give the size of the new content; 0 where the diff does not tell it."""
    span = file.span
    found = _LITERAL.search(span.data, span.low, span.high)
    return int(found[1]) if found else 0


def _finding(
    rule: str, file: DiffFile, severity: SeverityName, title: str, message: str
) -> RawFinding:
    return tell(
        rule=rule,
        severity=severity,
        category="security" if rule == BINARY else "maintainability",
        title=title,
        message=message,
        path=file.path,
        confidence=0.9,
    )
