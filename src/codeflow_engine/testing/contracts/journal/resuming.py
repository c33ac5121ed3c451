"""Tests of runs that go on after their end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from codeflow_engine.contracts import Journal, Storage
from codeflow_engine.domain.journal import StepState
from codeflow_engine.domain.run import RunRecord, RunStatus
from codeflow_engine.testing.contracts.journal.values import (
    LATER,
    end,
    end_all,
    hold,
    of_journal,
    signal,
    start,
    start_all,
    state,
    step,
    submission,
    writing,
)
from codeflow_engine.testing.values import NOON

__all__ = ["ResumeTests"]

_FAILED = StepState.FAILED


async def _records(storage: Storage, *run_ids: str, tenant: str = "a") -> tuple[RunRecord, ...]:
    return await storage.get_runs(tenant, run_ids)


@of_journal
class ResumeTests:
    """A person lets a run go on that has ended, and nothing is done twice."""

    async def test_a_run_that_has_ended_without_success_goes_on(
        self, backend: Storage, journal: Journal
    ) -> None:
        """As does one that is parked: pending, and with a clean record."""
        statuses = [one for one in RunStatus if one.is_terminal or one is RunStatus.PARKED]
        statuses.remove(RunStatus.SUCCEEDED)
        ids = [one.value for one in statuses]
        await start_all(journal, *(submission(one, seconds_left=1.0) for one in ids))
        await journal.retire("w1")
        claims = await hold(journal, *ids, worker="w2")
        await journal.cancel("a", ids, now=NOON)
        rest = {"error": "why", "waits_for": ("go",), "seconds_left": 0.5}
        await end_all(journal, claims, *(state(one, **rest) for one in statuses))
        before = await _records(backend, *statuses)

        given = await journal.resume("a", statuses, now=LATER, seconds=90.0)

        assert given == await _records(backend, *statuses)
        assert {one.recoveries for one in before} == {1}
        for one, was in zip(given, before, strict=True):
            assert one == replace(
                was,
                status=RunStatus.PENDING,
                updated_at=one.updated_at,
                wake_at=LATER,
                waits_for=(),
                seconds_left=90.0,
                recoveries=0,
                error=None,
                cancelling=False,
            )
        found = await journal.find_due("a", now=LATER, limit=99)
        assert sorted(found) == sorted(statuses)

    async def test_any_other_run_is_not_resumed(self, backend: Storage, journal: Journal) -> None:
        """One that has succeeded, or goes on anyway; all are given, in the order of the ids."""
        await journal.submit([submission("pending")])
        await start(journal, "running")
        ends = RunStatus.WAITING, RunStatus.SUCCEEDED
        claims = await start_all(journal, *(submission(one.value) for one in ends))
        await end_all(journal, claims, *(state(one, error="why") for one in ends))
        ids = ["waiting", "unknown", "running", "succeeded", "pending"]
        before = await _records(backend, *ids)

        given = await journal.resume("a", ids, now=LATER, seconds=9.0)

        assert [one.run_id for one in given] == ["waiting", "running", "succeeded", "pending"]
        assert given == before == await _records(backend, *ids)
        assert await journal.resume("a", [], now=LATER, seconds=None) == ()

    async def test_the_step_that_ended_a_run_is_done_again(self, journal: Journal) -> None:
        """The last one by position that failed; all others stay."""
        claim = await start(journal, "r1")
        failed = {"state": _FAILED, "error": "why"}
        steps = (
            step("r1", "caught", position=1, **failed),
            step("r1", "last", position=10, **failed),
            step("r1", "caught", "#2", position=9, **failed),
            step("r1", "beside", position=11),
            step("r1", "waits", position=12, state=StepState.WAITING),
        )
        await journal.write([writing(claim, steps=steps)])
        await end(journal, claim, RunStatus.FAILED, error="why")

        await journal.resume("a", ["r1"], now=NOON, seconds=None)

        (again,) = await hold(journal, "r1")
        assert [one.position for one in again.steps] == [1, 9, 11, 12]
        redone = step("r1", "last", position=10, value=b"well")
        assert await journal.write([writing(again, steps=(redone,))]) == (True,)
        assert redone in await journal.read_steps("a", "r1", values=True)

    async def test_a_run_that_no_step_has_ended_keeps_its_steps(self, journal: Journal) -> None:
        """Somebody cancelled it, or its time was over: what it had caught before stays so."""
        ends = (RunStatus.CANCELLED, RunStatus.TIMED_OUT, RunStatus.DEAD, RunStatus.PARKED)
        ids = [one.value for one in ends]
        claims = await start_all(journal, *map(submission, ids))
        last = [
            writing(claim, steps=(step(one.value, state=_FAILED, error="why"),), state=state(one))
            for claim, one in zip(claims, ends, strict=True)
        ]
        await journal.write(last)

        await journal.resume("a", ids, now=NOON, seconds=None)

        for one in last:
            assert await journal.read_steps("a", one.run_id) == one.steps

    async def test_a_resumed_run_has_the_time_that_it_is_given(self, journal: Journal) -> None:
        """From its next claim on, or no limit; who executed it before writes nothing."""
        for run_id, seconds in (("r1", 90.0), ("r2", None)):
            claim = await start(journal, run_id, seconds_left=1.0)
            await end(journal, claim, RunStatus.TIMED_OUT)
            await journal.resume("a", [run_id], now=NOON, seconds=seconds)
            late = await journal.write([writing(claim, steps=(step(run_id),))])

            (again,) = await hold(journal, run_id, now=LATER)

            expected = None if seconds is None else LATER + timedelta(seconds=seconds)
            assert again.record.deadline == expected
            assert again.record.seconds_left is None
            assert late == (False,)
            assert again.fence > claim.fence

    async def test_what_a_resumed_run_was_told_of_its_children_is_past(
        self, journal: Journal
    ) -> None:
        """They go on with it; other signals wait for it, and the same sign comes no second time."""
        for run_id in ("r1", "r2"):
            await end(journal, await start(journal, run_id), RunStatus.CANCELLED)
        sign = signal("r1", "child:c1:7", "child:c1")
        await journal.send("a", [sign, signal("r1"), signal("r2", "child:c2", "child:c2")])

        await journal.resume("a", ["r1"], now=NOON, seconds=None)
        await journal.send("a", [sign, signal("r1", "child:c1:8", "child:c1")])

        ids = {run_id: await journal.read_signals("a", run_id) for run_id in ("r1", "r2")}
        assert [one.signal_id for one in ids["r1"]] == ["s1", "child:c1:8"]
        assert [one.signal_id for one in ids["r2"]] == ["child:c2"]

    async def test_s32_a_tenant_resumes_no_run_of_another_one(
        self, backend: Storage, journal: Journal
    ) -> None:
        """The same id is another run there."""
        for tenant in ("a", "b"):
            await end(journal, await start(journal, "r1", tenant=tenant), RunStatus.FAILED)

        await journal.resume("a", ["r1"], now=NOON, seconds=None)

        assert (await _records(backend, "r1", tenant="b"))[0].status is RunStatus.FAILED
        assert (await _records(backend, "r1"))[0].status is RunStatus.PENDING
