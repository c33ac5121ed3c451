"""Additions that are too much to review, and executable bits where nothing is executed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from codeflow_engine.domain.diff import DiffFile, Side
from codeflow_engine.providers.analyzer.checks.hygiene_settings import HygieneSettings
from codeflow_engine.providers.analyzer.checks.kinds import is_lock, suffix, words
from codeflow_engine.providers.analyzer.checks.telling import tell

if TYPE_CHECKING:
    from codeflow_engine.domain.finding import RawFinding

__all__ = ["EXECUTABLE", "HUGE", "find_executable", "find_huge"]

HUGE: Final = "huge-addition"
EXECUTABLE: Final = "executable-bit"

_EXECUTABLE_MODE: Final = "100755"
_REGULAR: Final = frozenset({_EXECUTABLE_MODE, "100644"})
_ADDED: Final = re.compile(rb"\n\+[^\n]*")
_NEW_ROW: Final = re.compile(rb"\n[+ ]([^\n]{0,2})")

_STARTED_BY_NAME: Final = words("bat cmd com exe jar ps1")
_NEVER_STARTED: Final = words(
    "c cc cfg cjs conf cpp cs css csv cts cxx gif go h hpp html ico ini ipynb java jpeg jpg js"
    " json jsx kt less lock md mdx mjs mts pdf png po properties rs rst scss svg swift toml ts"
    " tsv tsx ttf txt vue webp woff woff2 xml yaml yml"
)
"""Ends of names of which hardly a file is started by itself."""


def find_huge(file: DiffFile, settings: HygieneSettings) -> Iterator[RawFinding]:
    """Look at how much the change adds to a text file; lock files are what they are."""
    span = file.span
    lines = span.data.count(b"\n+", span.low, span.high)
    if len(span) <= settings.max_added_bytes and lines <= settings.max_added_lines:
        return
    if is_lock(file.path):
        return
    lines = size = 0
    for hunk in file.hunks:
        for match in _ADDED.finditer(hunk.span.data, hunk.span.low, hunk.span.high):
            lines += 1
            size += match.end() - match.start() - 1
    if size <= settings.max_added_bytes and lines <= settings.max_added_lines:
        return
    yield tell(
        rule=HUGE,
        severity="low",
        category="maintainability",
        title="More is added to a file than anybody reviews",
        message=(
            f"The change adds {lines} lines of {size} bytes to this file; the limits are "
            f"{settings.max_added_lines} lines and {settings.max_added_bytes} bytes. If it is "
            "generated or data, let it be made or fetched where it is needed."
        ),
        path=file.path,
        confidence=0.8,
    )


def find_executable(file: DiffFile) -> Iterator[RawFinding]:
    """Look at an executable bit that the change sets."""
    if file.new_mode != _EXECUTABLE_MODE or file.old_mode not in {None, *_REGULAR}:
        return
    if file.old_mode == _EXECUTABLE_MODE or file.is_binary or suffix(file.path) in _STARTED_BY_NAME:
        return
    begin = _begin(file)
    if begin == b"#!" or (begin is None and suffix(file.path) not in _NEVER_STARTED):
        return
    yield tell(
        rule=EXECUTABLE,
        severity="low",
        category="maintainability",
        title="The file is made executable and is no script",
        message=(
            "It gets the executable bit, but does not begin with `#!`. If it is not meant to "
            "be started, take the bit away (git update-index --chmod=-x)."
        ),
        path=file.path,
        confidence=0.7,
    )


def _begin(file: DiffFile) -> bytes | None:
    """Give the first two bytes of the new content; None where the diff does not show them."""
    if not file.hunks or file.hunks[0].numbers(Side.NEW).start != 1:
        return None
    span = file.hunks[0].span
    row = _NEW_ROW.search(span.data, span.low, span.high)
    return row[1] if row else None
