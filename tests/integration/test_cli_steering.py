"""`codeflow resume`, `cancel` and `approve`: runs that were cut short go on, wherever they were."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from cli_runs import CLEAN_PATCH
from cli_work import Stand, end, said, until

from codeflow_engine import Engine
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.hosts.cli import main


def listed(stand: Stand, *words: str) -> list[dict[str, Any]]:
    """List the runs as a program does that reads JSON."""
    done = stand.run("runs", "--format", "json", *words)
    assert (done.returncode, done.stderr) == (0, b"")
    found: list[dict[str, Any]] = json.loads(done.stdout)["runs"]
    return found


def cut_short(stand: Stand, number: signal.Signals) -> int:
    """Begin a review, and end its process in the middle of an analyzer."""
    patch = stand.place / "a.patch"
    patch.write_text(CLEAN_PATCH)
    words = ("review", "--diff", str(patch), "--analyzer", "gated")
    with stand.started(*words) as process:
        until(lambda: "analyze" in stand.notes)
        return end(process, number)


def steps(stand: Stand, run_id: str) -> dict[str, dict[str, Any]]:
    """Give the steps of a run by their names."""
    done = stand.run("show", run_id, "--format", "json")
    return {step["name"]: step for step in json.loads(done.stdout)["steps"]}


@pytest.mark.fault
def test_d2_d3_a_killed_review_is_interrupted_and_can_be_resumed(stand: Stand) -> None:
    """It shows as what it is once its lease is over; what had ended is not executed again."""
    assert cut_short(stand, signal.SIGKILL) == -signal.SIGKILL
    (run,) = listed(stand)
    assert run["status"] == "running"
    until(lambda: listed(stand)[0]["interrupted"])
    assert b" interrupted " in stand.run("runs").stdout
    assert [one["run_id"] for one in listed(stand, "--status", "interrupted")] == [run["run_id"]]
    assert listed(stand, "--status", "running") == []
    before = steps(stand, run["run_id"])
    stand.open_gate()

    done = stand.run("resume", run["run_id"][:20], "--format", "json")

    assert (done.returncode, done.stderr) == (0, b"")
    review = json.loads(done.stdout)
    assert (review["run_id"], review["outcome"]) == (run["run_id"], "reviewed")
    assert review["coverage"]["entries"][0]["by"] == ["gated"]
    after = steps(stand, run["run_id"])
    assert {name: after[name] for name in before} == before
    assert {"fetch", "policy"} <= set(before)
    assert "analyze" not in before
    assert stand.notes == ["analyze", "analyze"]
    assert listed(stand)[0]["interrupted"] is False


@pytest.mark.fault
def test_a_review_is_resumed_while_its_worker_still_counts_as_alive(stand: Stand) -> None:
    """The program waits until the lease is over, and says so."""
    cut_short(stand, signal.SIGKILL)
    (run,) = listed(stand)
    stand.open_gate()

    done = stand.run("resume", run["run_id"])

    assert done.returncode == 0
    assert done.stdout.startswith(b"Review complete")
    waited = f"run {run['run_id']} is under way elsewhere: waiting for its end"
    assert done.stderr.decode().startswith(waited) or not done.stderr


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.fault)],
)
def test_d34_a_review_that_is_told_to_end_is_cancelled_and_can_be_resumed(
    stand: Stand, number: signal.Signals, status: int
) -> None:
    """No other process takes it up by itself."""
    assert cut_short(stand, number) == status
    (run,) = listed(stand)
    assert (run["status"], run["interrupted"]) == ("cancelled", False)
    stand.open_gate()
    other = stand.run("review", "--diff", str(stand.place / "a.patch"), "--analyzer", "gated")
    assert other.returncode == 0
    assert stand.record(run["run_id"]).status is RunStatus.CANCELLED

    done = stand.run("resume", run["run_id"])

    assert (done.returncode, done.stderr) == (0, b"")
    assert stand.record(run["run_id"]).status is RunStatus.SUCCEEDED


@pytest.mark.fault
def test_a_command_takes_up_no_run_that_it_was_not_asked_for(stand: Stand) -> None:
    """What another process has left goes on when somebody says so, and not before."""
    stand.open_gate()
    left = stand.submit("gated", {"name": "left"})
    patch = stand.place / "a.patch"
    patch.write_text(CLEAN_PATCH)

    for words in (("review", "--diff", str(patch), "--analyzer", "secrets"), ("runs",), ("show",)):
        done = stand.run(*words)
        assert done.returncode == 0, done.stderr

    assert stand.record(left).status is RunStatus.PENDING
    assert stand.notes == []
    assert stand.run("resume", left).returncode == 0
    assert stand.notes == ["begin left", "left"]


def test_a_failed_run_goes_on_where_it_has_failed(stand: Stand) -> None:
    """The program says what failed, and after it was mended the run ends well."""
    run = stand.submit("broken", {})

    failed = stand.run("resume", run)
    assert (failed.returncode, failed.stdout) == (3, b"")
    assert failed.stderr.startswith(f"error: run {run} is failed: ValueError".encode())
    assert failed.stderr.count(b"\n") == 1
    assert b"\x1b" not in failed.stderr
    assert stand.record(run).status is RunStatus.FAILED
    stand.open_gate()
    done = stand.run("resume", run)

    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Run of broken complete" in done.stdout
    assert stand.notes == ["begin", "break", "break"]


@pytest.mark.fault
def test_an_approved_run_goes_on_in_a_worker(stand: Stand) -> None:
    """It waits in no process; the approval wakes it, with the name of who gave it."""
    with stand.worker() as worker:
        run = stand.submit("approved", {})
        until(lambda: f"run {run}: put aside, waits for approval" in said(worker))
        assert stand.record(run).status is RunStatus.WAITING
        assert b"waits: for approval" in stand.run("show", run).stdout

        done = stand.run("approve", run, "--by", "Ada")

        assert (done.returncode, done.stdout) == (0, f"approved run {run}\n".encode())
        until(lambda: f"run {run}: succeeded" in said(worker))
        assert end(worker) == 0
    assert stand.notes == ["by Ada"]
    late = stand.run("approve", run)
    assert (late.returncode, b"has ended already: it is succeeded" in late.stderr) == (2, True)


@pytest.mark.fault
def test_an_approved_run_goes_on_by_a_command(stand: Stand) -> None:
    """Where there is no worker, resume executes it; before the approval there is nothing to do."""
    run = stand.submit("approved", {"timeout": 100_000})
    with stand.worker() as worker:
        until(lambda: "put aside" in said(worker))
        assert end(worker) == 0
    early = stand.run("resume", run)
    assert early.returncode == 2
    assert b"has nothing to resume: it waits for approval until " in early.stderr

    assert stand.run("approve", run, "--by", "Ada").returncode == 0
    assert stand.run("approve", run, "--by", "Ben").returncode == 0
    assert stand.run("resume", run).returncode == 0

    assert stand.notes == ["by Ada"]


def test_a_resumed_run_that_waits_says_for_what(stand: Stand) -> None:
    """Nothing else would happen at the terminal; of waits before that nothing is said."""
    run = stand.submit("approved", {"timeout": 100_000})
    with stand.worker() as worker:
        until(lambda: "put aside" in said(worker))
        assert end(worker) == 0
    assert stand.run("cancel", run).returncode == 0

    with stand.started("resume", run) as resumed:
        until(lambda: f"run {run} waits for approval until " in said(resumed))
        assert stand.run("approve", run, "--by", "Ada").returncode == 0
        assert resumed.wait(90) == 0

    assert said(resumed).count("waits") == 1
    assert stand.notes == ["by Ada"]


def test_a_run_is_shown_with_what_it_was_submitted_as(stand: Stand) -> None:
    """Its key, version and input, which is cut where it is long."""
    given = {"name": "a", "text": "x" * 10_000, "list": list(range(1000))}
    with Engine(storage=stand.url, executes="none") as engine:
        run = engine.submit("gated", given, key="delivery-1").id

    (told,) = listed(stand)
    shown = stand.run("show", run).stdout.decode()

    assert (told["key"], told["version"]) == ("delivery-1", 1)
    short = {"name": "a", "text": "x" * 200 + "...", "list": list(range(20))}
    assert told["input"] == short
    assert json.loads(stand.run("show", run, "--format", "json").stdout)["run"] == told
    assert "key       delivery-1\n" in shown
    assert "workflow  gated, version 1\n" in shown
    assert 'input     {"' in shown
    assert 100 < shown.count("x") <= 200


@pytest.mark.fault
def test_d34_a_run_is_cancelled_wherever_it_is(stand: Stand) -> None:
    """Waiting, executed by a worker, or left by one that is gone: it is cancelled in the end."""
    with stand.worker() as worker:
        waiting, working = stand.submit("approved", {}), stand.submit("gated", {"name": "a"})
        until(lambda: "put aside" in said(worker) and "a" in stand.notes)
        for run in (waiting, working):
            done = stand.run("cancel", run)
            assert (done.returncode, done.stdout) == (0, f"cancelled run {run}\n".encode())
        left = stand.submit("gated", {"name": "b"})
        until(lambda: "b" in stand.notes)
        worker.kill()
        done = stand.run("cancel", left)
    assert done.returncode == 0
    assert done.stderr.decode() == f"run {left} is under way: waiting until it has let go\n"
    assert {one["status"] for one in listed(stand)} == {"cancelled"}

    stand.open_gate()
    assert stand.run("resume", left).returncode == 0
    again = stand.run("cancel", left)
    assert (again.returncode, b"has ended already: it is succeeded" in again.stderr) == (2, True)


@pytest.mark.parametrize("verb", ["resume", "cancel", "approve", "show"])
@pytest.mark.parametrize(
    ("run", "told"), [("0190", "holds no run"), ("01", "too short"), ("0" * 32, "holds no run")]
)
def test_a_run_that_is_not_there_is_said_to_be_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str, run: str, told: str
) -> None:
    """Every command that takes a run has the same words, and the status of wrong usage."""
    db = f"sqlite:///{tmp_path / 'runs.db'}"
    assert main(["db", "upgrade", "--db", db]) == 0
    capsys.readouterr()

    status = main([verb, "--db", db, run])

    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert told in err
