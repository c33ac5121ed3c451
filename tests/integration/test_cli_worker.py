"""`codeflow worker` as processes: they share the work, and hand it over when they end."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest
from cli_runs import codeflow
from cli_work import VARIABLES, Stand, end, said, until

from codeflow_engine import Engine, RunContext
from codeflow_engine.domain.run import RunStatus


def test_a_worker_executes_what_others_have_submitted_and_says_so(stand: Stand) -> None:
    """Each run is told of when it is taken up and when it ends; errors show nothing hidden."""
    with stand.worker() as worker:
        bad = stand.submit("broken", {})
        until(lambda: f"run {bad}: failed" in said(worker))
        stand.open_gate()
        good = stand.submit("gated", {"name": "a"})
        until(lambda: f"run {good}: succeeded" in said(worker))
        assert end(worker) == 0

    told = said(worker)
    assert told.splitlines()[0] == "worker: looking for runs"
    assert told.splitlines()[-2:] == ["worker: ending, 0 runs under way", "worker: ended"]
    assert f"run {bad}: taken up, broken\n" in told
    assert f"run {bad}: failed: ValueError" in told
    assert "\x1b" not in told


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_d35_a_worker_that_is_told_to_end_lets_runs_end_within_the_grace(
    stand: Stand, number: signal.Signals
) -> None:
    """It takes up nothing more, waits for what is under way, and exits with 0."""
    with stand.worker("--grace", "25") as worker:
        run = stand.submit("gated", {"name": "a"})
        until(lambda: "a" in stand.notes)
        worker.send_signal(number)
        until(lambda: "ending, 1 run under way" in said(worker))
        late = stand.submit("gated", {"name": "late"})
        stand.open_gate()
        assert worker.wait(90) == 0

    assert stand.record(run).status is RunStatus.SUCCEEDED
    assert stand.record(late).status is RunStatus.PENDING
    assert stand.notes == ["begin a", "a"]


@pytest.mark.fault
def test_d35_what_has_not_ended_within_the_grace_is_a_peers_at_once(stand: Stand) -> None:
    """The peer goes on where the first one was; that counts as no recovery."""
    with stand.worker("--grace", "0.2") as first:
        run = stand.submit("gated", {"name": "a"})
        until(lambda: "a" in stand.notes)
        with stand.worker() as second:
            assert end(first) == 0
            until(lambda: stand.notes.count("a") == 2, seconds=5)
            stand.open_gate()
            until(lambda: f"run {run}: succeeded" in said(second))

    assert f"run {run}: given back" in said(first)
    assert f"run {run}: taken up again\n" in said(second)
    assert stand.notes == ["begin a", "a", "a"]
    assert stand.record(run).recoveries == 0


def test_d35_a_second_signal_ends_a_worker_at_once(stand: Stand) -> None:
    """Its status is not 0, and a peer takes its run up when its lease is over."""
    with stand.worker("--grace", "600") as first:
        run = stand.submit("gated", {"name": "a"})
        until(lambda: "a" in stand.notes)
        first.send_signal(signal.SIGTERM)
        until(lambda: "ending" in said(first))
        time.sleep(0.6)  # sooner it would count as the same wish
        assert end(first) == 128 + signal.SIGTERM
    stand.open_gate()
    with stand.worker() as second:
        until(lambda: f"run {run}: succeeded" in said(second))

    assert f"run {run}: taken up again, recovery 1\n" in said(second)


def test_signals_that_come_together_count_as_one(stand: Stand) -> None:
    """Whoever signals a process and its group, as `timeout` does, gets the grace as well."""
    with stand.worker("--grace", "25") as worker:
        run = stand.submit("gated", {"name": "a"})
        until(lambda: "a" in stand.notes)
        worker.send_signal(signal.SIGTERM)
        worker.send_signal(signal.SIGHUP)
        until(lambda: "ending, 1 run under way" in said(worker))
        stand.open_gate()
        assert worker.wait(90) == 0

    assert stand.record(run).status is RunStatus.SUCCEEDED


def test_a_worker_says_which_runs_cannot_go_on_and_why(stand: Stand) -> None:
    """Each is told of once, and the others are executed."""
    with Engine(storage=stand.url, executes="none", plugins_allow=[]) as engine:
        engine.workflow("unknown")(nothing)
        unknown = engine.submit("unknown", {}).id
        engine.workflow("gated", version=7)(nothing)
        newer = engine.submit("gated", {"name": "newer"}).id
    stand.open_gate()
    with stand.worker() as worker:
        until(lambda: said(worker).count(": parked: ") == 2)
        good = stand.submit("gated", {"name": "a"})
        until(lambda: f"run {good}: succeeded" in said(worker))
        assert end(worker) == 0

    told = said(worker)
    assert f"run {unknown}: parked: PLUGIN_MISSING: no workflow is named 'unknown'" in told
    assert f"run {newer}: parked: VERSION_MISSING: workflow 'gated' is of version 1 here" in told
    assert told.count("parked") == 2


async def nothing(run: RunContext, given: dict[str, Any]) -> None:
    """Stand for a workflow that workers do not have."""


def test_d2_a_killed_worker_loses_no_run_to_its_peers(stand: Stand) -> None:
    """Of two workers one is killed: all runs end, and no step that had ended ran again."""
    with stand.worker() as first, stand.worker() as second:
        runs = [stand.submit("gated", {"name": str(number)}) for number in range(6)]
        until(lambda: sum(not note.startswith("begin") for note in stand.notes) == 6)
        first.kill()
        stand.open_gate()
        until(lambda: all(stand.record(run).status is RunStatus.SUCCEEDED for run in runs))
        assert end(second) == 0

    assert sorted(note for note in stand.notes if note.startswith("begin")) == [
        f"begin {number}" for number in range(6)
    ]


@pytest.mark.fault
def test_a_worker_executes_as_many_at_once_as_it_may(stand: Stand) -> None:
    """The others wait for their turn."""
    with stand.worker("--concurrency", "2") as worker:
        runs = [stand.submit("gated", {"name": str(number)}) for number in range(4)]
        until(lambda: len(stand.notes) == 4)
        assert sorted(stand.notes) == ["0", "1", "begin 0", "begin 1"]
        stand.open_gate()
        until(lambda: all(stand.record(run).status is RunStatus.SUCCEEDED for run in runs))
        assert end(worker) == 0


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("--db", "memory"), 2, b"error: a worker needs a database"),
        (("--db", "postgresql://u:hunter22222@127.0.0.1:9/d"), 3, b"(ECONNREFUSED)"),
        (("--db", "memory", "--concurrency", "0"), 2, b"error: "),
        (("--db", "memory", "--grace", "-1"), 2, b"error: "),
    ],
    ids=["memory", "unreachable", "concurrency", "grace"],
)
def test_a_worker_that_cannot_work_ends(words: tuple[str, ...], status: int, told: bytes) -> None:
    """It says in one line why, and never a password."""
    variables = {**VARIABLES, "CODEFLOW_PLUGINS": '{"sql": {"wait": 0.2}}'}

    done = codeflow("worker", *words, **variables)

    assert (done.returncode, done.stdout) == (status, b"")
    assert done.stderr.startswith(b"error: ")
    assert told in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert b"hunter22222" not in done.stderr
