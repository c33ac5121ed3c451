"""Tests of claims: the right of one worker to execute a run."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from codeflow_engine.contracts import Journal, Storage
from codeflow_engine.domain.journal import Claim, StepState
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import StorageError
from codeflow_engine.testing.contracts.journal.values import (
    LATER,
    LONG,
    end,
    hold,
    lapse,
    of_journal,
    start,
    state,
    step,
    submission,
    writing,
)
from codeflow_engine.testing.contracts.watching import within
from codeflow_engine.testing.values import NOON, event

__all__ = ["ClaimTests"]


async def _taken_over(journal: Journal, claim: Claim, worker: str) -> Claim:
    """Let another worker claim a run whose one is gone."""
    await journal.retire("w1")
    await journal.retire("w2")
    (taken,) = await hold(journal, claim.record.run_id, worker=worker)
    return taken


@of_journal
class ClaimTests:
    """A run is executed by one worker at a time, and goes on where it was."""

    async def test_a_claim_has_all_that_an_execution_needs(
        self, backend: Storage, journal: Journal
    ) -> None:
        """The run as it is now, its input, its steps with their values, and its last event."""
        await journal.submit([submission("r1", payload=b"\x00in")])
        (first,) = await hold(journal, "r1")
        steps = step("r1", "b", position=10, value=b""), step("r1", "a", position=9)
        written = writing(first, steps=steps, events=(event("r1", 1), event("r1", 12)))
        await journal.write([written])

        second = await _taken_over(journal, first, "w2")

        assert (first.payload, first.steps, first.last_event) == (b"\x00in", (), 0)
        assert (second.payload, second.steps, second.last_event) == (b"\x00in", steps[::-1], 12)
        assert second.record.status is RunStatus.RUNNING
        assert await backend.get_runs("a", ["r1"]) == (second.record,)
        assert await backend.find_runs("a", status=RunStatus.RUNNING) == (second.record,)

    async def test_d10_claims_at_once_take_each_run_once(self, journal: Journal) -> None:
        """However many workers ask for the same ones."""
        ids = [f"r{number:02}" for number in range(30)]
        await journal.submit([submission(one) for one in ids])
        workers = [f"w{number}" for number in range(6)]
        for worker in workers:
            await journal.renew(worker, lease=LONG)

        told = await within(
            asyncio.gather(
                *(
                    journal.claim("a", worker, run_ids=ids[n * 4 :] + ids[: n * 4], now=NOON)
                    for n, worker in enumerate(workers)
                )
            )
        )

        claimed = [one for claims in told for one in claims]
        assert sorted(one.record.run_id for one in claimed) == ids
        assert {one.fence for one in claimed} == {claimed[0].fence}

    async def test_only_what_is_due_is_claimed(self, journal: Journal) -> None:
        """In the order of the ids; what is not, or is not there, is left out."""
        ended = await start(journal, "ended", "w2")
        await end(journal, ended, RunStatus.FAILED)
        await start(journal, "held", "w2")
        late = NOON + timedelta(microseconds=1)
        await journal.submit([submission("r2"), submission("r1"), submission("r3", wake_at=NOON)])
        await journal.submit([submission("late", wake_at=late), submission("no", wake_at=None)])
        await journal.renew("w1", lease=LONG)

        asked = ["r2", "ended", "unknown", "late", "r1", "held", "no", "r3"]
        claims = await journal.claim("a", "w1", run_ids=asked, now=NOON)

        assert [one.record.run_id for one in claims] == ["r2", "r1", "r3"]
        assert await journal.claim("a", "w1", run_ids=[], now=NOON) == ()

    async def test_each_claim_has_a_greater_fence(self, journal: Journal) -> None:
        """Also after the run has waited, and where its worker claims it again."""
        first = await start(journal, "r1")
        (again,) = await hold(journal, "r1")
        await end(journal, again, RunStatus.WAITING, wake_at=NOON)
        (third,) = await hold(journal, "r1")
        fourth = await _taken_over(journal, third, "w2")

        fences = [one.fence for one in (first, again, third, fourth)]
        assert fences == sorted(set(fences))

    async def test_a_run_has_begun_once(self, journal: Journal) -> None:
        """`started_at` is that of the first claim."""
        first = await start(journal, "r1")
        await end(journal, first, RunStatus.WAITING, wake_at=NOON)
        (second,) = await hold(journal, "r1", now=LATER)

        assert first.record.started_at == second.record.started_at == NOON

    async def test_a_run_that_executes_waits_for_nothing(self, journal: Journal) -> None:
        """A claim clears what it waited for."""
        first = await start(journal, "r1")
        await end(journal, first, RunStatus.WAITING, wake_at=NOON, waits_for=("go",))
        (second,) = await hold(journal, "r1")

        assert first.record.wake_at is None
        assert (second.record.wake_at, second.record.waits_for) == (None, ())

    async def test_d32_the_time_left_turns_into_a_deadline(self, journal: Journal) -> None:
        """From the claim on, to the microsecond; a run without a limit has none."""
        limited = await start(journal, "r1", seconds_left=2.5)
        free = await start(journal, "r2")

        assert limited.record.deadline == NOON + timedelta(seconds=2.5)
        assert limited.record.seconds_left is None
        assert (free.record.deadline, free.record.seconds_left) == (None, None)

    async def test_d32_a_deadline_survives_the_worker(self, journal: Journal) -> None:
        """Whoever takes the run over has no more time than was left."""
        first = await start(journal, "r1", seconds_left=60.0)
        await journal.retire("w1")
        (second,) = await hold(journal, "r1", worker="w2", now=LATER)

        assert second.record.deadline == first.record.deadline == NOON + timedelta(seconds=60)

    async def test_a_run_that_waits_has_no_deadline(
        self, backend: Storage, journal: Journal
    ) -> None:
        """The time that it has left stands still meanwhile."""
        first = await start(journal, "r1", seconds_left=60.0)
        await end(journal, first, RunStatus.WAITING, wake_at=NOON, seconds_left=45.0)
        (waiting,) = await backend.get_runs("a", ["r1"])
        (second,) = await hold(journal, "r1", now=LATER)

        assert (waiting.deadline, waiting.seconds_left) == (None, 45.0)
        assert second.record.deadline == LATER + timedelta(seconds=45)

    async def test_a_worker_may_claim_again_what_it_holds(self, journal: Journal) -> None:
        """Its first call may have been broken off; that is no recovery, and nobody else may."""
        first = await start(journal, "r1", seconds_left=60.0)
        await journal.renew("w2", lease=LONG)
        other = await journal.claim("a", "w2", run_ids=["r1"], now=LATER)
        (again,) = await hold(journal, "r1", now=LATER)

        assert other == ()
        assert again.fence > first.fence
        assert again.record.recoveries == 0
        assert again.record.deadline == first.record.deadline

    async def test_d37_a_run_whose_worker_was_gone_counts_a_recovery(
        self, journal: Journal
    ) -> None:
        """And a run that waited, or was given back, does not."""
        claim = await start(journal, "r1")
        for worker in ("w2", "w1", "w2"):
            claim = await _taken_over(journal, claim, worker)
        lost = claim.record.recoveries
        (again,) = await hold(journal, "r1", worker="w2")
        await end(journal, again, RunStatus.WAITING, wake_at=NOON)
        (waited,) = await hold(journal, "r1", worker="w1")
        await end(journal, waited, RunStatus.PENDING, wake_at=NOON)
        (given_back,) = await hold(journal, "r1", worker="w2")

        assert lost == 3
        counts = [one.record.recoveries for one in (again, waited, given_back)]
        assert counts == [3, 3, 3]

    async def test_d37_a_step_that_is_done_clears_the_recoveries(
        self, backend: Storage, journal: Journal
    ) -> None:
        """One that failed, or waits, or only an event, does not: it may be what is wrong."""
        claim = await _taken_over(journal, await start(journal, "r1"), "w2")
        failed, waits = StepState.FAILED, StepState.WAITING
        steps = step("r1", "a", state=failed), step("r1", "b", state=waits)
        await journal.write([writing(claim, steps=steps, events=(event("r1", 1),))])
        await journal.write([writing(claim, state=state(RunStatus.RUNNING))])
        (kept,) = await backend.get_runs("a", ["r1"])

        await journal.write([writing(claim, steps=(step("r1", "c"),))])
        (cleared,) = await backend.get_runs("a", ["r1"])

        assert (kept.recoveries, cleared.recoveries) == (1, 0)

    async def test_a_worker_without_a_lease_claims_nothing(
        self, backend: Storage, journal: Journal
    ) -> None:
        """Whether it never had one, or it is over: that is an error."""
        await journal.submit([submission("r1")])
        await journal.renew("retired", lease=LONG)
        await journal.retire("retired")
        await lapse(journal, "lapsed")

        for worker in ("new", "retired", "lapsed"):
            with pytest.raises(StorageError):
                await within(journal.claim("a", worker, run_ids=["r1"], now=NOON))

        assert (await backend.get_runs("a", ["r1"]))[0].status is RunStatus.PENDING
        assert len(await hold(journal, "r1")) == 1

    async def test_s32_a_tenant_claims_no_run_of_another_one(self, journal: Journal) -> None:
        """The same id is another run there."""
        await journal.submit([submission("r1", "a"), submission("r1", "b", payload=b"b")])
        await journal.submit([submission("r2", "b")])
        await journal.renew("w1", lease=LONG)

        none = await journal.claim("a", "w1", run_ids=["r2"], now=NOON)
        (mine,) = await journal.claim("a", "w1", run_ids=["r1"], now=NOON)
        (theirs,) = await hold(journal, "r1", tenant="b", worker="w2")

        assert none == ()
        assert (mine.record.tenant, mine.payload) == ("a", b"input")
        assert (theirs.record.tenant, theirs.payload) == ("b", b"b")
