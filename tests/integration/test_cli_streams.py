"""The program's streams: reports, progress and errors each where they belong, and no crash."""

from __future__ import annotations

import io
import json
import os
import pty
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli_runs import CLEAN_PATCH, LEAK_PATCH, codeflow, install_plugin, use_plugin

from codeflow_engine.hosts.cli import main
from codeflow_engine.hosts.cli.terminal import style_of

REVIEW = ("review", "--diff", "-", "--analyzer", "secrets")


@pytest.fixture
def patch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let standard input hold a patch with a secret, and the environment say nothing."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(LEAK_PATCH.encode())))
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def terminal() -> Iterator[tuple[io.TextIOWrapper, Callable[[], str]]]:
    """Open a terminal, and lend it with a way to read all that was written to it."""
    ours, theirs = pty.openpty()
    stream = os.fdopen(theirs, "w")

    def read() -> str:
        stream.close()
        content = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux tells the end of a pseudo-terminal as EIO
                return content.decode()
            content += part

    yield stream, read
    stream.close()
    os.close(ours)


def screen(written: str) -> str:
    """Show what is left on the last line of a terminal that knows carriage returns alone."""
    cells: list[str] = []
    for part in written.split("\r"):
        cells[: len(part)] = part
    return "".join(cells).strip()


@pytest.mark.usefixtures("patch")
def test_progress_is_shown_on_a_terminal_and_gone_at_the_end(
    terminal: tuple[io.TextIOWrapper, Callable[[], str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Steps are told on standard error in one line without escape sequences; it is cleared."""
    stream, read = terminal
    monkeypatch.setattr("sys.stderr", stream)
    status = main(REVIEW)
    written = read()

    assert status == 1
    assert "reviewing 1 unit in 1 file: " in written
    assert "secrets has ended, 1 finding" in written
    assert "\x1b" not in written
    assert "\n" not in written
    assert screen(written) == ""
    assert capsys.readouterr().out.startswith("Review complete: 1 finding (1 critical)\n")


@pytest.mark.usefixtures("patch")
def test_an_error_stands_alone_on_a_terminal(
    terminal: tuple[io.TextIOWrapper, Callable[[], str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Where a review ends with an error, the line of progress is gone before it is told."""
    stream, read = terminal
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.chdir(tmp_path)
    statuses = [main(["review", "--settings", "none.toml"]), main(["review", "."])]
    written = read()

    assert statuses == [2, 2]
    assert written.startswith("error: there is no settings file 'none.toml'\r\n")
    assert "reviewing: fetch" in written
    assert written.split("\r")[-2].startswith("error: ")


@pytest.mark.usefixtures("patch")
def test_s8_progress_escapes_what_a_plugin_tells(
    terminal: tuple[io.TextIOWrapper, Callable[[], str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Names come from plugins; the line stays inert and narrower than the terminal."""
    use_plugin(monkeypatch, install_plugin(tmp_path))
    stream, read = terminal
    monkeypatch.setattr("sys.stderr", stream)
    status = main(["review", "--diff", "-", "--analyzer", "quiet"])

    assert status == 0
    assert all(len(part) < 100 for part in read().split("\r"))


class Gone(io.StringIO):
    """A terminal that has gone away."""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        raise OSError(5, f"Input/output error after {len(text)} characters")


@pytest.mark.usefixtures("patch")
def test_a_terminal_that_goes_away_ends_no_review(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody sees the progress or an error any more, and the status is that of the review."""
    monkeypatch.setattr("sys.stderr", Gone())

    assert main(REVIEW) == 1
    assert "CRITICAL" in capsys.readouterr().out
    assert main(["review", "--staged", "--head", "x"]) == 2


def test_without_a_terminal_there_is_no_progress_and_no_colour() -> None:
    """In a pipe the report is plain, and standard error is empty."""
    done = codeflow(*REVIEW, stdin=LEAK_PATCH.encode(), TERM="xterm")

    assert (done.returncode, done.stderr) == (1, b"")
    assert b"\x1b" not in done.stdout


@pytest.mark.usefixtures("patch")
def test_a_pipe_can_be_coloured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`FORCE_COLOR` brings colours where there is no terminal."""
    monkeypatch.setenv("FORCE_COLOR", "1")

    assert main(REVIEW) == 1
    assert "\x1b[1;31mCRITICAL\x1b[0m" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("variables", "on_terminal", "in_pipe"),
    [
        ({"TERM": "xterm"}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({}, False, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
        ({"FORCE_COLOR": ""}, False, False),
    ],
)
def test_colour_follows_the_terminal_and_the_environment(
    terminal: tuple[io.TextIOWrapper, Callable[[], str]],
    variables: dict[str, str],
    *,
    on_terminal: bool,
    in_pipe: bool,
) -> None:
    """Colours stand on a terminal that knows them; `NO_COLOR` wins over `FORCE_COLOR`."""
    assert style_of(terminal[0], variables).color is on_terminal
    assert style_of(io.StringIO(), variables).color is in_pipe
    assert style_of(None, variables).width == 100


@pytest.mark.fault
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_narrow_encoding_gets_escapes(form: str) -> None:
    """What the encoding of standard output lacks is escaped; JSON stays JSON."""
    plain_c = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    variables = {"PYTHONIOENCODING": "ascii"} if form == "json" else plain_c
    content = LEAK_PATCH.replace("a.py", "дом.py").encode()
    done = codeflow(*REVIEW, "--format", form, stdin=content, **variables)
    out = done.stdout.decode("ascii")

    assert done.returncode == 1
    if form == "json":
        assert json.loads(out)["findings"][0]["path"] == "дом.py"
    else:
        assert r"\u0434\u043e\u043c.py:2:8" in out


@pytest.mark.usefixtures("patch")
def test_a_report_that_cannot_be_written_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk under standard output is told, and the status is not that of a review."""
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr("sys.stdout", full)
        status = main(REVIEW)

    told = "error: standard output cannot be written: No space left on device\n"
    assert (status, capsys.readouterr().err) == (2, told)


@pytest.mark.usefixtures("patch")
@pytest.mark.parametrize(
    ("stream", "told"),
    [
        (None, "error: standard output is closed; use --output for a file\n"),
        ("closed", "error: standard output cannot be written: I/O operation on closed file\n"),
    ],
)
def test_a_closed_standard_output_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stream: str | None,
    told: str,
) -> None:
    """Whoever closes it gets no report, and no status of one."""
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stdout", closed if stream else None)

    assert main(REVIEW) == 2
    assert capsys.readouterr().err == told


@pytest.mark.usefixtures("patch")
def test_without_standard_error_the_status_stays(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nobody can be told, the status still tells."""
    monkeypatch.setattr("sys.stderr", None)

    assert main(REVIEW) == 1
    assert main(["review", "--no-such"]) == 2
    assert "CRITICAL" in capsys.readouterr().out


def test_without_standard_input_a_patch_is_empty(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A closed standard input holds nothing, which is told."""
    monkeypatch.setattr("sys.stdin", None)

    assert main(REVIEW) == 0
    assert capsys.readouterr().out.startswith("Review complete: the change is empty")


@pytest.mark.fault
def test_the_program_waits_for_its_patch(tmp_path: Path) -> None:
    """A patch may come from a pipe with a name, as from a process substitution."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    child = os.fork()
    if child == 0:
        time.sleep(0.1)
        pipe.write_text(CLEAN_PATCH)
        os._exit(0)
    done = codeflow("review", "--diff", str(pipe), "--analyzer", "secrets")
    os.waitpid(child, 0)

    assert done.returncode == 0
    assert b"reviewed: 1 of 1 unit" in done.stdout
