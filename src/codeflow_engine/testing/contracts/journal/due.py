"""Tests of runs that may be claimed."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from codeflow_engine.contracts import Journal
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.testing.contracts.journal.values import (
    LATER,
    end_all,
    hold,
    lapse,
    of_journal,
    start,
    start_all,
    state,
    submission,
)
from codeflow_engine.testing.values import NOON

__all__ = ["DueTests"]

_MICROSECOND = timedelta(microseconds=1)


async def _due(
    journal: Journal, now: datetime = NOON, *, limit: int = 100, tenant: str = "a"
) -> list[str]:
    """List the runs of a tenant that are due."""
    return list(await journal.find_due(tenant, now=now, limit=limit))


@of_journal
class DueTests:
    """Whoever looks for work finds what may be executed now, and nothing else."""

    async def test_a_run_is_due_from_its_moment_on(self, journal: Journal) -> None:
        """To the microsecond, in any zone; one without a moment never is by itself."""
        west = timezone(timedelta(hours=-8))
        at = NOON + _MICROSECOND
        await journal.submit(
            [
                submission("now", wake_at=NOON.astimezone(west)),
                submission("soon", wake_at=at.astimezone(west), minutes=1),
                submission("never", wake_at=None),
            ]
        )

        assert await _due(journal, NOON - _MICROSECOND) == []
        assert await _due(journal, NOON) == ["now"]
        assert await _due(journal, at) == ["now", "soon"]
        assert await _due(journal, LATER) == ["now", "soon"]

    async def test_the_highest_priority_comes_first_then_the_oldest(self, journal: Journal) -> None:
        """By when they were created, and not by when they are due."""
        await journal.submit(
            [
                submission("low", priority=-1),
                submission("second", minutes=2),
                submission("first", minutes=1, wake_at=NOON + timedelta(minutes=5)),
                submission("high", priority=10, minutes=3),
                submission("higher", priority=11, minutes=4),
            ]
        )

        found = await _due(journal, LATER)

        assert found == ["higher", "high", "first", "second", "low"]

    async def test_a_limit_bounds_the_runs_that_are_found_due(self, journal: Journal) -> None:
        """The first are those that come; with a limit below one nothing comes."""
        await journal.submit([submission(f"r{number}", minutes=number) for number in range(4)])

        found = {limit: await _due(journal, limit=limit) for limit in (2, 1, 0, -1, 9)}

        every = ["r0", "r1", "r2", "r3"]
        assert found == {2: every[:2], 1: every[:1], 0: [], -1: [], 9: every}

    async def test_due_runs_are_chosen_from_those_asked_for(self, journal: Journal) -> None:
        """In the order of runs, and not of ids; from none of them none are chosen."""
        runs = [submission(f"r{number}", minutes=-number) for number in range(5)]
        await journal.submit([*runs, submission("late", wake_at=LATER)])

        async def ask(*run_ids: str) -> tuple[str, ...]:
            return await journal.find_due("a", now=NOON, limit=2, run_ids=run_ids)

        assert await ask("r0", "unknown", "late", "r3") == ("r3", "r0")
        assert await ask("r1", "r2", "r3", "r1") == ("r3", "r2")
        assert await ask() == ()

    async def test_a_waiting_run_is_due_at_its_moment(self, journal: Journal) -> None:
        """As is one that is parked, and one that was given back."""
        at = NOON + timedelta(hours=1)
        statuses = (RunStatus.WAITING, RunStatus.PARKED, RunStatus.PENDING)
        runs = [submission(one.value, minutes=number) for number, one in enumerate(statuses)]
        runs += [submission(f"never {one}") for one in statuses]
        claims = await start_all(journal, *runs)
        states = [state(one, wake_at=at) for one in statuses]
        await end_all(journal, claims, *states, *map(state, statuses))

        assert await _due(journal, at - _MICROSECOND) == []
        assert await _due(journal, at) == ["waiting", "parked", "pending"]

    async def test_a_running_one_is_due_when_its_worker_has_no_lease(
        self, journal: Journal
    ) -> None:
        """And not before, however late it is."""
        await start(journal, "lapsed", "w1")
        await start(journal, "retired", "w2", minutes=1)
        await start(journal, "held", "w3")
        before = await _due(journal, LATER)

        await lapse(journal, "w1")
        await journal.retire("w2")

        assert before == []
        assert await _due(journal, NOON - timedelta(days=1)) == ["lapsed", "retired"]

    async def test_a_run_that_has_ended_is_not_due(self, journal: Journal) -> None:
        """In whatever way, and whatever moment its last state named."""
        ends = [one for one in RunStatus if one.is_terminal]
        claims = await start_all(journal, *(submission(one.value) for one in ends))
        await end_all(journal, claims, *(state(one, wake_at=NOON) for one in ends))
        await lapse(journal)

        assert await _due(journal, LATER) == []

    async def test_s32_a_tenant_finds_no_work_of_another_one(self, journal: Journal) -> None:
        """Neither by looking, nor by an id that it knows."""
        await journal.submit([submission("r1", "a"), submission("r2", "b")])
        await hold(journal, "r2", tenant="b")
        await journal.retire("w1")

        assert await _due(journal) == ["r1"]
        assert await _due(journal, tenant="b") == ["r2"]
        assert await _due(journal, tenant="") == []
        assert await journal.find_due("b", now=NOON, limit=9, run_ids=["r1"]) == ()
