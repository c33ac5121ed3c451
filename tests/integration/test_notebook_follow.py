"""A run that is followed shows how it goes, ends with a true line, and ends with its follower."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import pytest
from cli_runs import LEAK_PATCH

from codeflow_engine import AsyncEngine, Engine, Review
from codeflow_engine.contracts import Analysis, Analyzer, AnalyzerReport
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import AnalyzerError, ConfigurationError, DiffError, RunCancelledError
from codeflow_engine.hosts.notebook import afollow, follow
from codeflow_engine.sandbox import Sandbox
from notebooks import cells_of, execute, outputs

ASKED = {"change": LEAK_PATCH, "analyzers": ["secrets"]}
SETUP = f"""
import asyncio, os, signal, sys, threading
from codeflow_engine import AsyncEngine, Engine
from codeflow_engine.contracts import Analyzer, AnalyzerReport
from codeflow_engine.hosts.notebook import afollow, follow
PATCH = {LEAK_PATCH!r}
ASKED = {{"change": PATCH, "analyzers": ["secrets"]}}
LATER = {{"change": PATCH}}
sent = []
get_ipython().display_pub.register_hook(lambda message: sent.append(message) or message)

class Slow(Analyzer):
    async def analyze(self, analysis, sandbox):
        threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT]).start()
        await asyncio.sleep(60)
        return AnalyzerReport(examined=analysis.units)

def texts(kind):
    return [
        m["content"]["data"]["text/plain"] for m in sent if m["header"]["msg_type"] == kind
    ]
"""
VERDICT = "Review complete: 1 finding (1 critical)"


class Slow(Analyzer):
    """Interrupts the main thread of the program, and does not end by itself."""

    def __init__(self) -> None:
        self.followed = threading.Event()

    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        await asyncio.to_thread(self.followed.wait, 60)
        threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT]).start()
        await asyncio.sleep(60)
        return AnalyzerReport(examined=analysis.units)


class Waiting(Analyzer):
    """Says that it has begun, and does not end by itself."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        self.begun.set()
        await asyncio.sleep(60)
        return AnalyzerReport(examined=analysis.units)


class Broken(Analyzer):
    """Fails with hostile words."""

    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        raise AnalyzerError("broken \x1b[31m \u202e on purpose")


@contextmanager
def terminal() -> Iterator[tuple[TextIO, list[str]]]:
    """Open a terminal, and gather what is written to it until it is closed."""
    ours, theirs = pty.openpty()
    written: list[str] = []

    def read() -> None:
        # Linux tells the end of a pseudo-terminal as EIO.
        with suppress(OSError):
            while part := os.read(ours, 65536):
                written.append(part.decode())

    # A terminal that nobody reads is full after 4 KiB, and its writer waits.
    reader = threading.Thread(target=read)
    reader.start()
    with os.fdopen(theirs, "w") as stream:
        yield stream, written
    reader.join()
    os.close(ours)


def printed(notebook: dict[str, Any], index: int) -> list[str]:
    """List the lines that a cell has printed."""
    streams = [
        "".join(output["text"])
        for output in notebook["cells"][index]["outputs"]
        if output["output_type"] == "stream"
    ]
    return "".join(streams).splitlines()


def test_a_kernel_shows_the_run_and_leaves_its_end(tmp_path: Path) -> None:
    """With widgets and without, in both engines: one output, redrawn, and the verdict stays."""
    notebook = execute(
        cells_of(
            SETUP,
            "engine = Engine()\nreview = follow(engine.submit('review', ASKED))",
            "first = list(sent); sent.clear()\n"
            "async with AsyncEngine() as other:\n"
            "    again = await afollow(await other.submit('review', ASKED), widgets=False)",
            "drawn = texts('update_display_data')\n"
            "print(len(first), 'application/vnd.jupyter.widget-view+json' in"
            " first[0]['content']['data'])\n"
            "print(len(texts('display_data')), len(drawn) > 10, drawn[-1])\n"
            "print(any('analyze secrets' in text for text in drawn))\n"
            "print(review.outcome, len(again.findings))",
        ),
        tmp_path,
    )

    assert outputs(notebook) == [VERDICT, VERDICT]
    assert all("cf-is-found" in html for html in outputs(notebook, "text/html"))
    assert all("analyze secrets" in html for html in outputs(notebook, "text/html"))
    assert printed(notebook, 3) == ["2 True", f"1 True {VERDICT}", "True", "reviewed 1"]


@pytest.mark.fault
def test_an_interrupt_of_the_kernel_cancels_the_run(tmp_path: Path) -> None:
    """Whoever stops a cell stops its run, in both engines, and the output says so."""
    notebook = execute(
        cells_of(
            SETUP + "sys.modules['ipywidgets'] = None",
            "engine = Engine(analyzers=[Slow()])\nrun = engine.submit('review', LATER)\n"
            "follow(run)",
            "other = AsyncEngine(analyzers=[Slow()])\n"
            "late = await other.submit('review', LATER)\nawait afollow(late)",
            "print(run.status, late.status)\nawait other.aclose()",
        ),
        tmp_path,
    )

    errors = [
        output["ename"]
        for cell in notebook["cells"]
        for output in cell["outputs"]
        if output["output_type"] == "error"
    ]
    assert outputs(notebook) == ["REVIEW NOT COMPLETE (run cancelled)"] * 2
    assert errors[0] == "KeyboardInterrupt"
    assert errors[1] in {"CancelledError", "KeyboardInterrupt"}
    assert printed(notebook, 3) == ["cancelled cancelled"]


@pytest.mark.fault
def test_a_kernel_without_ipywidgets_shows_the_run_all_the_same(tmp_path: Path) -> None:
    """The extra is no condition: the same output is redrawn without it."""
    notebook = execute(
        cells_of(
            SETUP + "sys.modules['ipywidgets'] = None",
            "with Engine() as engine:\n    follow(engine.submit('review', ASKED))\n"
            "print(len(texts('update_display_data')) > 10)",
        ),
        tmp_path,
    )

    # The review is the last value of no cell, so the display is all that is put out.
    assert outputs(notebook) == [VERDICT]
    assert printed(notebook, 1) == ["True"]


def test_outside_of_a_notebook_lines_go_to_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each line once, the verdict last, and nothing on standard output."""
    with Engine() as engine:
        review = follow(engine.submit("review", ASKED))

    told = capsys.readouterr()
    lines = told.err.splitlines()
    assert isinstance(review, Review)
    assert told.out == ""
    assert lines[0] == "starting"
    assert "reviewing 1 unit in 1 file: secrets has ended, 1 finding" in lines
    assert lines[-1] == VERDICT
    assert len(lines) == len(set(lines))


def test_a_terminal_gets_one_line_that_is_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left on the terminal is the verdict."""
    with terminal() as (stream, parts), Engine() as engine:
        monkeypatch.setattr("sys.stderr", stream)
        follow(engine.submit("review", ASKED))

    written = "".join(parts)
    assert "reviewing 1 unit in 1 file: " in written
    assert written.count("\n") == 1
    assert written.split("\r")[-2] == VERDICT


@pytest.mark.parametrize("analyzers", [[Broken()], []])
def test_a_review_that_is_not_complete_ends_with_saying_so(
    analyzers: list[Analyzer], capsys: pytest.CaptureFixture[str]
) -> None:
    """Failed and skipped reviews read as nothing else, and hostile words are escaped."""
    with Engine(analyzers=analyzers) as engine:
        follow(engine.submit("review", {"change": LEAK_PATCH}))

    told = capsys.readouterr().err
    assert told.splitlines()[-1].startswith("REVIEW NOT COMPLETE (")
    assert "\x1b" not in told
    assert "\u202e" not in told


async def test_the_asynchronous_engine_is_followed_alike(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The same words, and the same result."""
    async with AsyncEngine() as engine:
        review = await afollow(await engine.submit("review", ASKED))

    assert isinstance(review, Review)
    assert capsys.readouterr().err.splitlines()[-1] == VERDICT


async def test_cancelling_the_follower_cancels_the_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A task that follows and is cancelled leaves no run behind that nobody looks at."""
    slow = Waiting()
    async with AsyncEngine(analyzers=[slow]) as engine:
        run = await engine.submit("review", {"change": LEAK_PATCH})
        following = asyncio.create_task(afollow(run))
        await slow.begun.wait()
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following

        assert run.status is RunStatus.CANCELLED
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "stopping the run",
        "REVIEW NOT COMPLETE (run cancelled)",
    ]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Listen to interrupts; a shell starts what runs in its background deaf to them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_cancels_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C ends the run, and not only the wait for it."""
    slow = Slow()
    with Engine(analyzers=[slow]) as engine:
        run = engine.submit("review", {"change": LEAK_PATCH})
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - nothing may come too early
            slow.followed.set()
            follow(run)

        assert run.status is RunStatus.CANCELLED
    assert capsys.readouterr().err.splitlines()[-1] == "REVIEW NOT COMPLETE (run cancelled)"


def test_a_run_that_fails_is_told_and_raised(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The error that ended the run is its last line, and reaches the caller."""
    with Engine() as engine:
        run = engine.submit("review", {"change": str(tmp_path)})
        with pytest.raises(Exception, match="repository") as raised:
            follow(run)

    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("REVIEW NOT COMPLETE (run failed): ")
    assert str(raised.value).splitlines()[0][:40] in last


def test_a_run_that_somebody_else_cancelled_is_no_result(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A run that has ended already is shown from its stored events."""
    with Engine(analyzers=[Broken()]) as engine:
        run = engine.submit("review", {"change": LEAK_PATCH})
        run.cancel()
        with pytest.raises(RunCancelledError):
            follow(engine.run(run.id))

    assert capsys.readouterr().err.splitlines()[-1] == "REVIEW NOT COMPLETE (run cancelled)"


async def test_runs_of_the_other_engine_are_refused() -> None:
    """Each function says which one is meant."""
    async with AsyncEngine() as engine:
        run = await engine.submit("review", ASKED)
        with pytest.raises(ConfigurationError, match="afollow"):
            follow(run)  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match="see follow"):
            await afollow(object())  # type: ignore[arg-type]
        await run.result()


def test_an_input_that_cannot_work_starts_no_run() -> None:
    """A malformed patch is an error of `submit`, before there is anything to follow."""
    with Engine() as engine, pytest.raises(DiffError):
        follow(engine.submit("review", {"change": "--- a\n+++ b\n@@ -1 +1 @@\n"}))
