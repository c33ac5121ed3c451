"""Reading a diff into offsets: where the entries and their hunks begin and end."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass

from codeflow_engine.domain.diff.combined import (
    COMBINED_HUNK,
    TITLES,
    read_combined,
    step_over_combined,
)
from codeflow_engine.domain.diff.git_header import read_git
from codeflow_engine.domain.diff.grammar import HUNK, fail, is_header_pair, next_line
from codeflow_engine.domain.diff.headers import Header
from codeflow_engine.domain.diff.hunk_bounds import step_over_hunks
from codeflow_engine.domain.diff.notices import NOTICE, read_notice
from codeflow_engine.domain.diff.plain_header import read_plain
from codeflow_engine.domain.diff.usual import Shape, usual_shape

__all__ = ["Index", "read_header", "scan"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# Context and normal diffs hold changes that nothing here would see.
_FOREIGN = rb"\*{15}[^\n]*\n\*\*\* \d|\d{1,10}(?:,\d{1,10})?[acd]\d{1,10}(?:,\d{1,10})?\r?\n[<>] "
_OPENING = rb"diff -|--- |@@|" + NOTICE + rb"|" + _FOREIGN
_IS_FOREIGN = re.compile(_FOREIGN)
_HERE = re.compile(_OPENING)
_NEXT = re.compile(rb"\n(?=" + _OPENING + rb")")

# GNU diff speaks the user's language: "Nur in neu: datei" must not pass for free text.
_AFTER_RECURSIVE = re.compile(
    rb"\r?\n|diff |--- |Only in |Binary files |Files |File |Symbolic links "
    rb"|Common subdirectories: |Index: |# |-- "
)
# The first line that git gives to every mail with a patch; the date is always the same.
_MAIL_DATE = b" Mon Sep 17 00:00:00 2001\n"
_MAIL = re.compile(rb"From [0-9a-f]{40,64}" + re.escape(_MAIL_DATE))
_MESSAGE_END = re.compile(rb"\n(?:---\n|diff -)")
_SIGNATURE = re.compile(rb"-- ?\r?(?:\n|\Z)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Offsets of the entries and hunks of a diff.

    Eight bytes a hunk and 24 an entry: a diff of a million hunks of 20 bytes must not
    take more than a fraction of its own size.
    """

    starts: array[int]
    """Where each entry begins."""

    ends: array[int]
    """Where each entry ends; its last hunk ends there, too."""

    firsts: array[int]
    """Number of hunks before each entry, and at the end the number of all hunks."""

    hunks: array[int]
    """Where each hunk begins."""


def read_header(data: bytes, position: int) -> Header:
    """Read the header of the entry that begins at `position`."""
    if data.startswith(b"diff --git ", position):
        return read_git(data, position)
    if data.startswith(TITLES, position):
        return read_combined(data, position)
    return read_notice(data, position, gnu=True) or read_plain(data, position)


def scan(data: bytes) -> Index:
    """Find every entry and hunk, and check them.

    Raises:
        DiffError: The diff is malformed or cut off, or no entry is found in an input
            that is not blank.
    """
    index = Index(starts=array("Q"), ends=array("Q"), firsts=array("Q"), hunks=array("Q"))
    position = len(_BYTE_ORDER_MARK) if data.startswith(_BYTE_ORDER_MARK) else 0
    while (start := _seek(data, position)) is not None:
        index.starts.append(start)
        index.firsts.append(len(index.hunks))
        position = _step_over_entry(data, start, index.hunks)
        index.ends.append(position)
    index.firsts.append(len(index.hunks))
    if not index.starts and (text := data[position:]) and not text.isspace():
        fail(data, 0, "the input is not blank, but holds no file entry of a unified diff")
    return index


def _seek(data: bytes, position: int) -> int | None:
    """Find where the next entry begins, at or below the line that begins at `position`.

    Nothing but entries stood above `position`.
    """
    if data.startswith(b"diff --git ", position):
        return position
    if read_notice(data, position, gnu=True) is not None:
        return position
    message_end = 0
    place = position if _HERE.match(data, position) else _next_opening(data, position)
    while place is not None and not _opens_entry(data, place):
        if place >= message_end and (HUNK.match(data, place) or COMBINED_HUNK.match(data, place)):
            message_end = _message_end(data, position, place)
        place = _next_opening(data, place)
    return place


def _next_opening(data: bytes, position: int) -> int | None:
    found = _NEXT.search(data, position)
    return None if found is None else found.end()


def _opens_entry(data: bytes, place: int) -> bool:
    """Tell an entry from free text that begins like one."""
    if data.startswith((b"diff --git ", *TITLES), place):
        return True
    if data.startswith(b"diff -", place):
        return is_header_pair(data, next_line(data, place))
    if data.startswith(b"--- ", place):
        return is_header_pair(data, place)
    if _IS_FOREIGN.match(data, place):
        fail(data, place, "a context or normal diff; only unified diffs are read ('diff -u')")
    return read_notice(data, place, gnu=False) is not None


def _message_end(data: bytes, position: int, place: int) -> int:
    """Find the end of the mail whose message quotes the hunk header at `place`.

    In the message of a mail, git, too, takes a hunk for text: the patch begins at three
    minuses or at the first file header (git-am, "DISCUSSION").

    Raises:
        DiffError: There is no mail around the hunk, so that its file header is missing.
    """
    mail = data.rfind(_MAIL_DATE, position, place)
    is_mail = _MAIL.match(data, data.rfind(b"\n", 0, max(mail, 0)) + 1)
    end = _MESSAGE_END.search(data, mail) if mail >= 0 and is_mail else None
    if end is None or end.start() < place:
        fail(data, place, "a hunk without a file header above it")
    return end.start()


def _step_over_entry(data: bytes, start: int, hunks: array[int]) -> int:
    """Find the end of an entry, adding where its hunks begin, and look at what follows."""
    body, shape = usual_shape(data, start) or _read_shape(data, start)
    if shape.takes_hunks:
        end = step_over_hunks(
            data, body, hunks, old_exists=shape.old_exists, new_exists=shape.new_exists
        )
    elif shape.combined:
        end = step_over_combined(data, body)
    else:
        return body
    _check_after(data, end)
    if shape.recursive and end < len(data) and not _AFTER_RECURSIVE.match(data, end):
        fail(data, end, "unknown line in the output of 'diff -r'; run it with LC_ALL=C")
    return end


def _read_shape(data: bytes, start: int) -> tuple[int, Shape]:
    header = read_header(data, start)
    return header.body, header.shape


def _check_after(data: bytes, position: int) -> None:
    """Refuse a line below the last hunk that looks like one more of its lines.

    Mail signatures (`-- `) and the header of the next file begin with a minus, too.
    """
    if (
        data.startswith((b" ", b"+", b"-", b"\\"), position)
        and not _SIGNATURE.match(data, position)
        and not is_header_pair(data, position)
    ):
        fail(data, position, "the hunk has more lines than its header says")
