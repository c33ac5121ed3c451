"""`codeflow runs --follow` and `codeflow show --timeline`: how runs go, and how they went."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import Any

import pytest
from cli_runs import CLEAN_PATCH
from cli_work import Stand, end, said, until, written

from codeflow_engine import Engine
from codeflow_engine.domain.run import RunStatus


def told_of(process: subprocess.Popen[bytes], run: str) -> list[tuple[str, bool]]:
    """Give what a follower has told of a run so far: its status, and whether it is lost."""
    lines = [json.loads(line) for line in written(process).splitlines()]
    return [(one["status"], one["interrupted"]) for one in lines if one["run_id"] == run]


def test_changes_of_runs_are_followed_as_they_happen(stand: Stand) -> None:
    """One object a line, from what stood there before to the last change; Ctrl-C ends it well."""
    old = stand.submit("approved", {})
    with stand.started("runs", "--follow", "--format", "json") as follower:
        until(lambda: told_of(follower, old) == [("pending", False)])
        with stand.worker() as worker:
            until(lambda: told_of(follower, old)[-1] == ("waiting", False))
            run = stand.submit("gated", {"name": "a"})
            until(lambda: told_of(follower, run)[-1:] == [("running", False)])
            worker.kill()
            until(lambda: told_of(follower, run)[-1] == ("running", True))
        assert stand.run("cancel", old).returncode == 0
        until(lambda: told_of(follower, old)[-1] == ("cancelled", False))
        assert end(follower, signal.SIGINT) == 0

    assert said(follower) == ""
    assert json.loads(written(follower).splitlines()[0])["workflow"] == "approved"


@pytest.mark.fault
def test_every_run_is_followed_however_many_there_are(stand: Stand) -> None:
    """Those under way that are older than hundreds, and hundreds that come and end at once."""
    with Engine(storage=stand.url, executes="none", plugins_allow=[]) as engine:
        engine.workflow("done")(nothing)
        old = [engine.submit("done", {}) for _ in range(130)]
        with stand.started("runs", "-f", "--format", "json", "--limit", "130") as follower:
            until(lambda: len(written(follower).splitlines()) == len(old))
            for run in old:
                run.cancel()
            new = [engine.submit("done", {}) for _ in range(130)]
            for run in new:
                run.cancel()
            ids = {run.id for run in (*old, *new)}
            until(lambda: cancelled(follower) == ids)
            assert end(follower, signal.SIGINT) == 0

    assert said(follower) == ""


def cancelled(process: subprocess.Popen[bytes]) -> set[str]:
    # The last line may be there in part.
    lines = map(json.loads, written(process).split("\n")[:-1])
    return {one["run_id"] for one in lines if one["status"] == "cancelled"}


async def nothing(run: Any, given: Any) -> None:
    """Be there, to be cancelled."""


@pytest.mark.fault
def test_one_status_is_followed_alone_as_text(stand: Stand) -> None:
    """A line tells when, which run, how it stands and why; a reader who leaves ends it."""
    stand.submit("gated", {"name": "a"})
    failing = stand.submit("broken", {})
    with stand.started("runs", "-f", "--status", "failed", "--limit", "1", pipe=True) as follower:
        assert stand.run("resume", failing).returncode == 3
        assert follower.stdout is not None
        line = follower.stdout.readline().decode()
        follower.stdout.close()
        stand.open_gate()
        assert stand.run("resume", failing).returncode == 0
        again = stand.submit("broken", {})
        (stand.place / "go").unlink()
        assert stand.run("resume", again).returncode == 3
        assert follower.wait(90) == 0

    when, run, status, what = line.split(maxsplit=3)
    assert (len(when), failing.startswith(run), status) == (8, True, "failed")
    assert what.startswith("broken: ValueError")
    assert "\x1b" not in line


def test_a_run_without_a_review_is_shown_as_its_steps(stand: Stand) -> None:
    """While it waits, and when it has failed: what each step took, and what became of it."""
    run = stand.submit("broken", {})
    fresh = stand.run("show", run)
    assert b"Run of broken waits to start" in fresh.stdout
    stand.run("resume", run)

    text = stand.run("show", run).stdout.decode()

    assert "status    failed\n" in text
    assert "RUN OF BROKEN NOT COMPLETE (run failed)" in text
    begin, broken = [line for line in text.splitlines() if line.startswith("      +")]
    assert begin.endswith("begin: done")
    assert "break: " in broken
    assert "ValueError" in broken
    assert "\x1b" not in text
    page = stand.run("show", run, "--format", "html").stdout.decode()
    assert page.startswith("<!doctype html>")
    assert "RUN OF BROKEN NOT COMPLETE" in page
    refused = stand.run("show", run, "--format", "sarif")
    assert (refused.returncode, b"has no review" in refused.stderr) == (2, True)


@pytest.mark.fault
def test_the_timeline_of_a_review_is_shown_on_demand(stand: Stand) -> None:
    """Without it the report stands there; as JSON both do."""
    stand.open_gate()
    patch = stand.place / "a.patch"
    patch.write_text(CLEAN_PATCH)
    done = stand.run("review", "--diff", str(patch), "--analyzer", "gated", "--format", "json")
    review = json.loads(done.stdout)

    report = stand.run("show").stdout.decode()
    timeline = stand.run("show", "--timeline").stdout.decode()
    page = stand.run("show", "--timeline", "--format", "html").stdout.decode()
    told = json.loads(stand.run("show", "--format", "json").stdout)

    assert ("reviewed: 1 of 1 unit" in report, "analyze gated: done" in report) == (True, False)
    assert "analyze gated: done" in timeline
    assert "cost: none: no model was called" in timeline
    assert ">analyze gated</th>" in page
    assert told["review"] == review
    assert {"fetch", "analyze", "save"} <= {step["name"] for step in told["steps"]}
    assert all("value" not in step for step in told["steps"])


@pytest.mark.fault
def test_a_list_of_one_status_says_where_there_are_none(stand: Stand) -> None:
    """An unknown status is a wrong word."""
    run = stand.submit("approved", {})

    assert stand.run("runs", "--status", "dead").stdout == b"no runs are dead\n"
    assert run[:16].encode() in stand.run("runs", "--status", "pending").stdout
    wrong = stand.run("runs", "--status", "lost")
    assert (wrong.returncode, b"not one of pending, running" in wrong.stderr) == (2, True)
    assert stand.record(run).status is RunStatus.PENDING
