"""How the program ends when it is cut short: quietly, and with nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_runs import CLEAN_PATCH, LEAK_PATCH, environment, install_plugin, use_plugin

from codeflow_engine import Change, Diff
from codeflow_engine.hosts.cli import main

PROGRAM = [sys.executable, "-m", "codeflow_engine.hosts.cli", "review", "--diff", "-"]


def alive(seconds: str) -> list[str]:
    """List the processes that run the program of the slow analyzer."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
        except OSError:
            continue
        if seconds.encode() in words:
            found.append(entry.name)
    return found


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Wait for a condition to hold."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize(
    ("number", "status", "told"),
    [(signal.SIGINT, 130, b"error: interrupted\n"), (signal.SIGTERM, 143, b"")],
)
def test_a_signal_ends_the_program_and_all_that_it_started(
    tmp_path: Path, number: signal.Signals, status: int, told: bytes
) -> None:
    """Ctrl-C, and a polite kill, leave no process behind; no report is written."""
    seconds = f"61.{os.getpid()}{int(number)}"
    site = install_plugin(tmp_path, seconds=seconds)
    process = subprocess.Popen(
        [*PROGRAM, "--analyzer", "slow"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(site=site),
    )
    assert process.stdin is not None
    process.stdin.write(CLEAN_PATCH.encode())
    process.stdin.close()
    process.stdin = None
    try:
        assert wait_until(lambda: bool(alive(seconds)), seconds=90), "the program never ran"
        process.send_signal(number)
        out, err = process.communicate(timeout=90)
    finally:
        process.kill()

    assert (process.returncode, out, err) == (status, b"", told)
    assert wait_until(lambda: not alive(seconds), seconds=60)


def test_a_reader_who_leaves_is_no_error() -> None:
    """A closed pipe (`| head`) ends the program quietly, with the status of the review."""
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [*PROGRAM, "--analyzer", "secrets"],
        stdin=subprocess.PIPE,
        stdout=writer,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    os.close(writer)
    os.close(reader)
    _, err = process.communicate(LEAK_PATCH.encode(), timeout=60)

    assert (process.returncode, err) == (1, b"")


def test_a_reader_who_leaves_the_help_is_no_error() -> None:
    """The same holds for text that typer prints."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*PROGRAM, "--help"], stdout=writer, stderr=subprocess.PIPE, env=environment(), check=False
    )
    os.close(writer)

    assert done.stderr == b""


@pytest.mark.parametrize(
    ("where", "raised"),
    [
        ("codeflow_engine.hosts.cli.commands.app", KeyboardInterrupt),
        ("codeflow_engine.hosts.cli.review._read_patch", KeyboardInterrupt),
        ("codeflow_engine.hosts.cli.review._read_patch", EOFError),
    ],
)
def test_an_interrupt_has_its_status_wherever_it_comes(
    monkeypatch: pytest.MonkeyPatch, where: str, raised: type[BaseException]
) -> None:
    """Ctrl-C while the program starts, or while it reads, is the same to a shell."""

    def interrupt(*_: object) -> None:
        raise raised

    monkeypatch.setattr(where, interrupt)

    assert main(["review", "--diff", "-"]) == 130


def test_the_program_runs_beside_the_main_thread(capsys: pytest.CaptureFixture[str]) -> None:
    """In another thread no signal can be caught, and none is."""
    before = signal.getsignal(signal.SIGTERM)
    statuses: list[int] = []
    thread = threading.Thread(target=lambda: statuses.append(main(["--version"])))
    thread.start()
    thread.join(90)

    assert statuses == [0]
    assert capsys.readouterr().out.startswith("codeflow-engine ")
    assert signal.getsignal(signal.SIGTERM) == before


def test_signal_handlers_are_put_back() -> None:
    """A host that calls `main` has its own handlers again afterwards."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    assert main(["--version"]) == 0

    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == before


def test_a_request_to_end_passes_through_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `main` runs inside a program, SIGTERM unwinds it like an exit."""
    monkeypatch.setattr(
        "codeflow_engine.hosts.cli.review._read_patch",
        lambda _: signal.raise_signal(signal.SIGTERM),
    )

    with pytest.raises(SystemExit) as ended:
        main(["review", "--diff", "-"])

    assert ended.value.code == 143


def test_a_hangup_that_is_ignored_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under `nohup` the program goes on when its terminal is closed."""

    def read(_: str) -> Change:
        signal.raise_signal(signal.SIGHUP)
        return Change.from_diff(Diff.parse(CLEAN_PATCH))

    monkeypatch.setattr("codeflow_engine.hosts.cli.review._read_patch", read)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert main(["review", "--diff", "-", "--analyzer", "secrets", "--db", "memory"]) == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert capsys.readouterr().out.startswith("Review complete")


def test_a_signal_is_no_failure_of_the_plugin_that_is_called_just_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What plugins raise is contained; the request to end passes through."""
    code = """
import signal
from codeflow_engine import hookimpl

@hookimpl
def codeflow_register(registry):
    signal.raise_signal(signal.SIGTERM)
"""
    use_plugin(monkeypatch, install_plugin(tmp_path, code=code))

    with pytest.raises(SystemExit) as ended:
        main(["runs", "--db", "memory"])

    assert ended.value.code == 128 + signal.SIGTERM
    assert capsys.readouterr().err == ""
