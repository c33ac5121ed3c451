"""Tests of the leases of workers."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from codeflow_engine.contracts import Journal
from codeflow_engine.testing.contracts.journal.values import (
    LONG,
    SHORT,
    hold,
    lapse,
    of_journal,
    start,
    start_all,
    step,
    submission,
    writing,
)
from codeflow_engine.testing.values import NOON

__all__ = ["LeaseTests"]

_DAYS = timedelta(days=10)


async def _due(journal: Journal, now: datetime = NOON, tenant: str = "a") -> list[str]:
    return list(await journal.find_due(tenant, now=now, limit=100))


@of_journal
class LeaseTests:
    """A worker that lives renews one lease, and holds by it all that it executes."""

    async def test_a_lease_lasts_as_long_as_it_is_renewed(self, journal: Journal) -> None:
        """Each renewal counts from then on, also where it is a shorter one."""
        await start(journal, "r1", "w1")
        await start(journal, "r2", "w2", minutes=1)
        await journal.renew("w1", lease=SHORT)
        await journal.renew("w1", lease=LONG)
        await journal.renew("w2", lease=SHORT)

        await asyncio.sleep(2 * SHORT)

        assert await _due(journal) == ["r2"]

    async def test_a_lease_is_one_of_its_worker(self, journal: Journal) -> None:
        """It holds every run of that worker, whatever their tenants, and no other one's."""
        await start_all(journal, submission("r1"), submission("r2", minutes=1))
        await start(journal, "r1", "w1", tenant="b")
        await start(journal, "r3", "w2")
        held = [*await _due(journal), *await _due(journal, tenant="b")]

        await lapse(journal, "w1")

        assert held == []
        assert await _due(journal) == ["r1", "r2"]
        assert await _due(journal, tenant="b") == ["r1"]

    async def test_d35_what_a_retired_worker_holds_is_due_at_once(self, journal: Journal) -> None:
        """Once or twice makes no difference, and nobody has to be known."""
        await start(journal, "r1", "w1")
        await start(journal, "r2", "w2")

        await journal.retire("w1")
        await journal.retire("w1")
        await journal.retire("unknown")

        assert await _due(journal) == ["r1"]

    async def test_a_worker_that_was_late_goes_on(self, journal: Journal) -> None:
        """What nobody has taken over is its own still, and its writes are taken."""
        claim = await start(journal, "r1", "w1")
        await lapse(journal, "w1")
        late = await journal.write([writing(claim, steps=(step("r1"),))])
        between = await _due(journal)

        await journal.renew("w1", lease=LONG)

        assert (late, between) == ((True,), ["r1"])
        assert await _due(journal) == []
        assert await journal.write([writing(claim, steps=(step("r1", "t"),))]) == (True,)

    async def test_d30_no_wall_clock_moves_a_lease(self, journal: Journal) -> None:
        """Neither that of a run, nor that of whoever looks for work."""
        await journal.submit([submission("r1", wake_at=NOON - _DAYS), submission("r2")])
        await hold(journal, "r1", now=NOON + _DAYS)
        await hold(journal, "r2", worker="w2")

        held = [await _due(journal, NOON + days * _DAYS) for days in (-2, 0, 2)]
        await lapse(journal, "w1")
        lost = [await _due(journal, NOON + days * _DAYS) for days in (-2, 0, 2)]

        assert held == [[], [], []]
        assert lost == [["r1"], ["r1"], ["r1"]]
