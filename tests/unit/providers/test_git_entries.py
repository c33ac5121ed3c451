"""Entries of the index held against files, and entries of diffs written by hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.diff import Diff, FileStatus
from codeflow_engine.errors import ChangeUnavailableError
from codeflow_engine.providers.vcs.git.index import Entry, is_unchanged
from codeflow_engine.providers.vcs.git.objects import TreeEntry
from codeflow_engine.providers.vcs.git.plumbing import quote
from codeflow_engine.providers.vcs.git.recording import notice

ID = "a" * 40
PATHS = st.binary(min_size=1, max_size=20).filter(lambda path: b"\0" not in path)


def entry(found: os.stat_result, **other: int) -> Entry:
    """Describe a file as git does, with some numbers replaced."""
    ctime, mtime = divmod(found.st_ctime_ns, 10**9), divmod(found.st_mtime_ns, 10**9)
    numbers = {
        "ctime": ctime[0],
        "ctime_ns": ctime[1],
        "mtime": mtime[0],
        "mtime_ns": mtime[1],
        "dev": found.st_dev,
        "ino": found.st_ino,
        "uid": found.st_uid,
        "gid": found.st_gid,
        "size": found.st_size,
        **other,
    }
    recorded = (
        "  ctime: {ctime}:{ctime_ns}\n  mtime: {mtime}:{mtime_ns}\n  dev: {dev}\tino: {ino}\n"
        "  uid: {uid}\tgid: {gid}\n  size: {size}"
    ).format_map({name: number & 0xFFFFFFFF for name, number in numbers.items()})
    return Entry.read(f"100644 {ID} 0\tfile\0{recorded}\tflags: 0\n".encode())


@pytest.fixture
def found(tmp_path: Path) -> os.stat_result:
    """Look at a file."""
    (tmp_path / "file").write_text("content\n")
    return (tmp_path / "file").stat()


def test_a_file_that_is_as_recorded(found: os.stat_result) -> None:
    """Everything alike is the same; the device's number may differ after a mount."""
    record = f"100644 {ID} 0\tfile\0".encode() + entry(found).recorded + b"\tflags: "

    assert entry(found).matches(found)
    assert entry(found, dev=0).matches(found)
    assert is_unchanged(record + b"0\n", found)
    assert not is_unchanged(record + b"8000\n", found)


def test_other_implementations_leave_nanoseconds_out(found: os.stat_result) -> None:
    """Whole seconds are enough, if they are the right ones."""
    seconds = found.st_mtime_ns // 10**9

    assert entry(found, ctime_ns=0, mtime_ns=0).matches(found)
    assert not entry(found, mtime_ns=0, mtime=seconds - 1).matches(found)


@pytest.mark.parametrize(
    "name", ["ctime", "ctime_ns", "mtime", "mtime_ns", "ino", "uid", "gid", "size"]
)
def test_a_file_that_differs_in_one_number(found: os.stat_result, name: str) -> None:
    """Any other difference means that the file has to be read."""
    assert not entry(found, **{name: 7}).matches(found)


def test_a_record_of_another_form() -> None:
    """What git is not known to write is not guessed at."""
    with pytest.raises(ChangeUnavailableError, match="unknown form"):
        Entry.read(b"100644 nonsense\n")


@given(PATHS)
def test_a_quoted_path_is_read_back(path: bytes) -> None:
    """What is written into a diff or for git is the same path again."""
    if path.strip(b"/") != path or b"//" in path:
        return
    diff = Diff.parse(notice(path, None, b"100644", ID))

    assert diff.files[0].new_path == path.decode("utf-8", "surrogateescape")
    assert quote(path).startswith(b'"') == any(one < 32 or one in b'\x7f"\\' for one in path)


@pytest.mark.parametrize("new_id", ["b" * 40, None])
@pytest.mark.parametrize("mode", [b"100644", b"100755"])
@pytest.mark.parametrize("old", [None, TreeEntry(b"100644", b"blob", ID.encode())])
def test_a_notice_is_one_entry_without_content(
    old: TreeEntry | None, mode: bytes, new_id: str | None
) -> None:
    """It says which file differs, what kind of change it is, and what is known of it."""
    diff = Diff.parse(notice(b"a file", old, mode, new_id))

    (file,) = diff.files
    assert (file.new_path, file.is_binary, file.new_id) == ("a file", True, new_id)
    assert file.old_id == (None if old is None or new_id is None else ID)
    assert file.status is (FileStatus.ADDED if old is None else FileStatus.MODIFIED)
    assert file.new_mode == (mode.decode() if new_id or old is None or mode != old.mode else None)
    assert len(diff.units) == 1
