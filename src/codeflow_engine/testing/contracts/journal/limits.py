"""Tests of how many runs of a workflow execute."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from codeflow_engine.contracts import Journal
from codeflow_engine.domain.journal import RunLimits
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.testing.contracts.journal.values import (
    LONG,
    end,
    lapse,
    of_journal,
    submission,
)
from codeflow_engine.testing.contracts.watching import within
from codeflow_engine.testing.values import NOON

__all__ = ["LimitTests"]


class _Workers:
    """Looks for work, and takes it, under limits."""

    def __init__(
        self, journal: Journal, limits: Mapping[str, RunLimits], tenant: str = "a"
    ) -> None:
        self._journal = journal
        self._limits = limits
        self._tenant = tenant

    async def find(self, limit: int = 100, *, now: datetime = NOON) -> list[str]:
        """List what is due."""
        found = await self._journal.find_due(
            self._tenant, now=now, limit=limit, limits=self._limits
        )
        return list(found)

    async def claim(
        self, run_ids: Iterable[str], worker: str = "w1", *, now: datetime = NOON
    ) -> list[str]:
        """Claim runs, and list those that were."""
        return [one.record.run_id for one in await self.claims(run_ids, worker, now=now)]

    async def claims(self, run_ids: Iterable[str], worker: str = "w1", **asked: Any) -> Any:
        """Claim runs."""
        await self._journal.renew(worker, lease=LONG)
        given = {"now": NOON, "limits": self._limits, **asked}
        return await self._journal.claim(self._tenant, worker, run_ids=[*run_ids], **given)


async def _submit(journal: Journal, ids: Iterable[str], **fields: Any) -> list[str]:
    """Submit runs, each a minute younger than the one before."""
    runs = [submission(one, minutes=n, **fields) for n, one in enumerate(ids)]
    return [one.run_id for one in await journal.submit(runs)]


@of_journal
class LimitTests:
    """A limit counts the runs of all workers of a tenant."""

    async def test_d44_so_many_runs_of_a_workflow_execute_at_once(self, journal: Journal) -> None:
        """Whoever executes them; those that wait or have ended make room."""
        ids = await _submit(journal, ["r0", "r1", "r2", "r3", "r4"])
        workers = _Workers(journal, {"review": RunLimits(running=2)})

        claims = await workers.claims(ids[:1], "w1")
        second = await workers.claims(ids, "w2")
        full = await workers.find(), await workers.claim(ids, "w3")
        await end(journal, claims[0], RunStatus.SUCCEEDED)
        await end(journal, second[0], RunStatus.WAITING)

        assert [one.record.run_id for one in second] == ["r1"]
        assert full == ([], [])
        assert await workers.claim(ids, "w3") == ["r2", "r3"]

    async def test_d44_so_many_runs_of_a_partition_execute_at_once(self, journal: Journal) -> None:
        """Those of other partitions, and those without one, are not counted."""
        await _submit(journal, ["p0", "p1", "p2"], partition="p")
        await _submit(journal, ["q0", "q1"], partition="q")
        await _submit(journal, ["n0", "n1", "n2"])
        workers = _Workers(journal, {"review": RunLimits(partition=1)})
        ids = ["p0", "p1", "p2", "q0", "q1", "n0", "n1", "n2"]

        first = await workers.claim(["p1"], "w1")
        found = await workers.find()

        assert first == ["p1"]
        assert sorted(found) == ["n0", "n1", "n2", "q0"]
        assert await workers.claim(ids, "w2") == ["q0", "n0", "n1", "n2"]
        assert await workers.find() == []

    async def test_so_many_runs_begin_within_a_time(self, journal: Journal) -> None:
        """Those that began before may go on, and are no new beginning."""
        ids = await _submit(journal, ["r0", "r1", "r2", "r3"])
        workers = _Workers(journal, {"review": RunLimits(starts=2, seconds=60)})

        claims = await workers.claims(ids)
        full = await workers.find(now=NOON + timedelta(seconds=59))
        await end(journal, claims[0], RunStatus.WAITING, wake_at=NOON)
        await end(journal, claims[1], RunStatus.FAILED)
        again = await workers.claim(ids, now=NOON + timedelta(seconds=59))
        later = NOON + timedelta(seconds=61)

        assert [one.record.run_id for one in claims] == ["r0", "r1"]
        assert full == []
        assert again == ["r0"]
        assert await workers.find(now=later) == ["r2", "r3"]
        assert await workers.claim(["r3", "r2"], now=later) == ["r3", "r2"]

    async def test_d44_what_is_held_back_hides_nothing(self, journal: Journal) -> None:
        """Looking for a few finds those behind, of another workflow or partition."""
        await _submit(journal, [f"a{n}" for n in range(5)], priority=9)
        await _submit(journal, [f"p{n}" for n in range(5)], priority=8, workflow="w", partition="p")
        await _submit(journal, ["q", "last"], workflow="w", partition="q")
        limits = {"review": RunLimits(running=1), "w": RunLimits(partition=1)}
        workers = _Workers(journal, limits)
        await workers.claim(["a3", "p3"])

        assert await workers.find(1) == ["q"]
        assert await workers.claim(["a0", "p0", "q"]) == ["q"]

    async def test_no_more_is_found_than_may_be_claimed(self, journal: Journal) -> None:
        """One place that is free is offered to one run, and the next to the next workflow."""
        await _submit(journal, ["a0", "a1", "a2"], priority=9)
        await _submit(journal, ["b0", "b1", "b2"], workflow="w", partition="p")
        await _submit(journal, ["c0", "c1", "c2"], workflow="v", priority=-1)
        limits = {
            "review": RunLimits(running=1),
            "w": RunLimits(partition=2),
            "v": RunLimits(starts=1),
        }
        workers = _Workers(journal, limits)

        found = await workers.find(4)

        assert found == ["a0", "b0", "b1", "c0"]
        assert await workers.claim(found) == found

    async def test_a_limit_is_one_of_its_workflow_and_its_tenant(self, journal: Journal) -> None:
        """What others execute takes no place, and who has no limit is not bounded."""
        mine = await _submit(journal, ["r0", "r1"])
        theirs = await _submit(journal, ["r0", "r1"], tenant="b")
        free = await _submit(journal, ["f0", "f1", "f2"], workflow="free")
        limits = {"review": RunLimits(running=1), "other": RunLimits(running=0)}

        await _Workers(journal, limits, "b").claim(theirs)

        workers = _Workers(journal, limits)
        assert await workers.claim(free) == free
        assert await workers.claim(mine) == mine[:1]
        assert await _Workers(journal, {}).claim(mine) == mine

    async def test_nothing_of_a_workflow_begins_where_none_may(self, journal: Journal) -> None:
        """A limit of 0 holds, and is not taken for none."""
        ids = await _submit(journal, ["r0", "r1"], partition="p")

        for limits in (RunLimits(running=0), RunLimits(partition=0), RunLimits(starts=0)):
            workers = _Workers(journal, {"review": limits})
            assert await workers.find() == []
            assert await workers.claim(ids) == []

    async def test_d45_a_worker_that_is_gone_takes_no_place(self, journal: Journal) -> None:
        """What it executed may be taken over, under the limit."""
        ids = await _submit(journal, ["r0", "r1", "r2"], partition="p")
        workers = _Workers(journal, {"review": RunLimits(running=2, partition=2)})
        await workers.claim(ids[:2], "w1")
        full = await workers.find()

        await lapse(journal, "w1")

        assert full == []
        assert await workers.find() == ["r0", "r1"]
        assert await workers.claim(ids, "w2") == ["r0", "r1"]

    async def test_a_worker_takes_up_again_what_it_holds(self, journal: Journal) -> None:
        """A run does not stand in its own way; and it lets nobody else in."""
        ids = await _submit(journal, ["r0", "r1"], partition="p")
        workers = _Workers(journal, {"review": RunLimits(running=1, partition=1, starts=1)})
        await workers.claim(ids)

        assert await workers.claim(ids[::-1]) == ["r0"]

    async def test_d44_workers_that_claim_at_once_stay_within_a_limit(
        self, journal: Journal
    ) -> None:
        """However many there are, and whatever each of them has found."""
        ids = await _submit(journal, [f"r{number}" for number in range(12)])
        workers = _Workers(journal, {"review": RunLimits(running=4)})

        calls = [workers.claim(ids[n:] + ids[:n], f"w{n}") for n in range(8)]
        told = await within(asyncio.gather(*calls))

        claimed = [one for call in told for one in call]
        assert len(claimed) == len(set(claimed)) == 4
