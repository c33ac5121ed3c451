"""Tests of runs whose end is asked for."""

from __future__ import annotations

import asyncio

from codeflow_engine.contracts import Journal, Storage
from codeflow_engine.domain.journal import Claim
from codeflow_engine.domain.run import RunRecord, RunStatus
from codeflow_engine.testing.contracts.journal.values import (
    LATER,
    LONG,
    end,
    end_all,
    hold,
    of_journal,
    start,
    start_all,
    state,
    step,
    submission,
    writing,
)
from codeflow_engine.testing.contracts.watching import within
from codeflow_engine.testing.values import NOON

__all__ = ["CancelTests"]

_CANCELLED = RunStatus.CANCELLED


async def _records(storage: Storage, *run_ids: str, tenant: str = "a") -> tuple[RunRecord, ...]:
    return await storage.get_runs(tenant, run_ids)


async def _statuses(storage: Storage, *run_ids: str) -> list[str]:
    return [one.status.value for one in await _records(storage, *run_ids)]


@of_journal
class CancelTests:
    """Somebody says it once, and neither the run nor what it started goes on."""

    async def test_d34_a_run_that_nobody_executes_is_cancelled_at_once(
        self, backend: Storage, journal: Journal
    ) -> None:
        """Whether it is new, waits or is parked: it waits for nothing then."""
        ids = ["pending", "waiting", "parked"]
        given = [submission(run_id, seconds_left=9.0) for run_id in ids[1:]]
        claims = await start_all(journal, *given)
        waits = {"wake_at": NOON, "waits_for": ("go",), "seconds_left": 9.0}
        await end_all(journal, claims, *(state(RunStatus(one), **waits) for one in ids[1:]))
        await journal.submit([submission("pending", seconds_left=9.0)])

        told = await journal.cancel("a", ids, now=LATER)

        assert told == await _records(backend, *ids)
        for one in told:
            assert (one.status, one.updated_at) == (_CANCELLED, LATER)
            assert (one.wake_at, one.waits_for, one.deadline) == (None, (), None)
        assert await journal.find_due("a", now=LATER, limit=9) == ()
        await journal.renew("w1", lease=LONG)
        assert await journal.claim("a", "w1", run_ids=ids, now=LATER) == ()

    async def test_d34_a_run_that_executes_is_told(
        self, backend: Storage, journal: Journal
    ) -> None:
        """Its worker ends it, and may write until then."""
        claim = await start(journal, "r1", seconds_left=9.0)

        (given,) = await journal.cancel("a", ["r1"], now=LATER)

        assert (given.status, given.cancelling) == (RunStatus.RUNNING, True)
        assert given.deadline == claim.record.deadline
        assert await _records(backend, "r1") == (given,)
        assert await journal.find_due("a", now=LATER, limit=9) == ()
        assert await journal.write([writing(claim, steps=(step("r1"),))]) == (True,)
        await end(journal, claim, _CANCELLED)
        assert await _statuses(backend, "r1") == ["cancelled"]

    async def test_a_run_that_has_ended_stays_as_it_is(
        self, backend: Storage, journal: Journal
    ) -> None:
        """It is given with those asked for, in the order of the ids."""
        ended = [one for one in RunStatus if one.is_terminal]
        claims = await start_all(journal, *(submission(one.value) for one in ended))
        await end_all(journal, claims, *(state(one, error="why") for one in ended))
        await journal.submit([submission("r1")])
        before = await _records(backend, *ended)

        given = await journal.cancel("a", [*ended[::-1], "unknown", "r1"], now=LATER)

        assert given[:-1] == before[::-1]
        assert given[-1].run_id == "r1"
        assert await _records(backend, *ended) == before
        assert await journal.cancel("a", [], now=LATER) == ()

    async def test_d34_all_that_a_run_has_started_is_cancelled(
        self, backend: Storage, journal: Journal
    ) -> None:
        """Its children and theirs, also below one that has ended; nobody else."""
        runs = submission("child", parent="root"), submission("ended", parent="root")
        root, _, ended = await start_all(journal, submission("root"), *runs)
        await end(journal, ended, RunStatus.SUCCEEDED)
        await journal.submit(
            [
                submission("below", parent="ended"),
                submission("grandchild", parent="child"),
                submission("other"),
                submission("sibling", parent="other"),
                submission("child", "b", parent="root"),
            ]
        )

        given = await journal.cancel("a", ["root"], now=LATER)

        first, *started = [one.run_id for one in given]
        assert first == root.record.run_id
        assert sorted(started) == ["below", "child", "ended", "grandchild"]
        ids = ["root", "child", "ended", "below", "grandchild", "other", "sibling"]
        told = ["running", "running", "succeeded", "cancelled", "cancelled", "pending", "pending"]
        assert await _statuses(backend, *ids) == told
        flags = [one.cancelling for one in await journal.notices("a", ["root", "child", "other"])]
        assert flags == [True, True, False]
        assert (await _records(backend, "child", tenant="b"))[0].status is RunStatus.PENDING

    async def test_the_parent_of_a_cancelled_run_is_told(
        self, backend: Storage, journal: Journal
    ) -> None:
        """By a signal, once, which wakes it where it waits for that."""
        parent = await start(journal, "parent")
        await journal.submit([submission("r1", parent="parent"), submission("r2", parent="gone")])
        await end(journal, parent, RunStatus.WAITING, waits_for=("child:r1",))

        await journal.cancel("a", ["r1", "r2"], now=NOON)
        await journal.cancel("a", ["r1"], now=NOON)

        told = await journal.read_signals("a", "parent")
        assert [(one.signal_id, one.name, one.sent_at) for one in told] == [
            ("child:r1", "child:r1", NOON)
        ]
        assert await journal.find_due("a", now=NOON, limit=9) == ("parent",)
        assert await _statuses(backend, "r1", "r2") == ["cancelled", "cancelled"]

    async def test_a_run_that_suspends_while_it_is_cancelled_is_due(
        self, backend: Storage, journal: Journal
    ) -> None:
        """Its worker did not hear of it: whoever takes the run up again does."""
        claim = await start(journal, "r1")
        await journal.cancel("a", ["r1"], now=NOON)
        await end(journal, claim, RunStatus.WAITING, waits_for=("go",), wake_at=LATER, at=LATER)

        (again,) = await hold(journal, "r1")

        assert again.record.cancelling

    async def test_a_run_that_is_cancelled_and_claimed_at_once_is_one_of_both(
        self, backend: Storage, journal: Journal
    ) -> None:
        """Either nobody executes it any more, or somebody does, and is told."""
        ids = [f"r{number}" for number in range(8)]
        await journal.submit([submission(one) for one in ids])
        await journal.renew("w1", lease=LONG)

        async def claim(run_id: str) -> tuple[Claim, ...]:
            return await journal.claim("a", "w1", run_ids=[run_id], now=NOON)

        calls = [claim(one) for one in ids]
        ends = [journal.cancel("a", [one], now=NOON) for one in reversed(ids)]
        claims, _ = await within(asyncio.gather(asyncio.gather(*calls), asyncio.gather(*ends)))

        claimed = {one.record.run_id for call in claims for one in call}
        for one in await _records(backend, *ids):
            expected = RunStatus.RUNNING if one.run_id in claimed else _CANCELLED
            assert (one.run_id, one.status) == (one.run_id, expected)
            assert one.cancelling or expected is _CANCELLED

    async def test_s32_a_tenant_cancels_no_run_of_another_one(
        self, backend: Storage, journal: Journal
    ) -> None:
        """Neither by its id, nor as the child of its own."""
        await journal.submit([submission("r1", "a"), submission("r1", "b"), submission("r2", "b")])
        await journal.submit([submission("child", "b", parent="r1")])

        given = await journal.cancel("a", ["r1", "r2"], now=NOON)

        assert [(one.tenant, one.run_id) for one in given] == [("a", "r1")]
        found = await _records(backend, "r1", "r2", "child", tenant="b")
        assert {one.status for one in found} == {RunStatus.PENDING}
