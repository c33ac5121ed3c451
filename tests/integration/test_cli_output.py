"""`--output` holds the old report or the new one, never a part of one."""

from __future__ import annotations

import io
import json
import os
import resource
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_runs import CLEAN_PATCH, LEAK_PATCH

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.hosts.cli import main
from codeflow_engine.hosts.cli.destination import Destination

type Review = Callable[..., int]


@pytest.fixture
def review(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Review:
    """Give a way to review a patch in this process."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str, patch: str = LEAK_PATCH) -> int:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(patch.encode())))
        return main(["review", "--diff", "-", "--analyzer", "secrets", *words])

    return call


def test_the_report_is_in_the_file_and_its_verdict_on_standard_error(
    review: Review, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard output stays empty; the file holds all, without colours."""
    status = review("--output", "report.txt")
    told = capsys.readouterr()
    report = (tmp_path / "report.txt").read_text("utf-8")

    assert (status, told.out) == (1, "")
    assert told.err.splitlines() == [
        "wrote report.txt",
        "Review complete: 1 finding (1 critical)",
        report.splitlines()[-1],
    ]
    assert "CRITICAL secrets/github-token" in report
    assert [path.name for path in tmp_path.iterdir()] == ["report.txt"]


def test_json_goes_to_a_file_too(review: Review, tmp_path: Path) -> None:
    """A file is UTF-8 whatever standard output is."""
    patch = CLEAN_PATCH.replace("a.py", "дом.py")
    status = review("--format", "json", "--output", "report.json", patch=patch)

    content = (tmp_path / "report.json").read_text("utf-8")
    assert status == 0
    assert "дом.py" in content
    assert json.loads(content)["outcome"] == "reviewed"


def test_an_older_report_is_replaced_and_keeps_its_mode(tmp_path: Path) -> None:
    """The new file has the permissions of the old one; a first one has those of the umask."""
    path = tmp_path / "report"
    before = os.umask(0o027)
    try:
        Destination(path).write("first")
        first = stat.S_IMODE(path.stat().st_mode)
    finally:
        os.umask(before)
    path.chmod(0o604)
    Destination(path).write("second")

    assert first == 0o640
    assert path.read_text() == "second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What a link points to is replaced, also where it is in another directory."""
    (tmp_path / "real").mkdir()
    link = tmp_path / "report"
    link.symlink_to("real/report")
    destination = Destination(link)
    destination.check()
    destination.write("text")

    assert link.is_symlink()
    assert (tmp_path / "real" / "report").read_text() == "text"


def test_a_full_disk_keeps_the_older_report(tmp_path: Path) -> None:
    """Where the new report does not fit, the old one stays whole and nothing else is left."""
    path = tmp_path / "report"
    path.write_text("old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(ConfigurationError, match=r"cannot be written to .*: File too large"):
            Destination(path).write("new" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    """A named pipe or a device is not replaced by a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    destination = Destination(pipe)
    destination.check()
    destination.write("text")
    reader.join(90)

    assert read == ["text"]
    assert pipe.is_fifo()


def test_a_place_that_cannot_hold_a_report_is_told_before_the_review(
    review: Review, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that hides a sequence is escaped in the error too."""
    assert review("--output", "no\x1b[31m/report") == 2
    assert r"\x1b[31m" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_directory_without_permission_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check asks the system, which a superuser's test cannot provoke."""
    monkeypatch.setattr("os.access", lambda *_: False)

    with pytest.raises(ConfigurationError, match=r"'.*/report': no permission"):
        Destination(tmp_path / "report").check()
