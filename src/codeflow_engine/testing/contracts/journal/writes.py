"""Tests of what executions write, and of those that may no longer do so."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from codeflow_engine.contracts import Journal, Storage
from codeflow_engine.domain.journal import Claim, RunWrite
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import StorageError
from codeflow_engine.testing.contracts.journal.values import (
    LATER,
    effect,
    end,
    end_all,
    hold,
    lapse,
    of_journal,
    receipt,
    signal,
    start,
    start_all,
    state,
    step,
    submission,
    writing,
)
from codeflow_engine.testing.contracts.watching import within
from codeflow_engine.testing.values import NOON, event

__all__ = ["WriteTests"]


def _everything(claim: Claim, name: str, **fields: Any) -> RunWrite:
    """Make a write of all that there may be, each part of which has a name in it."""
    run_id = claim.record.run_id
    given: dict[str, Any] = {
        "steps": (step(run_id, name),),
        "events": (event(run_id, claim.last_event + 1, step=name),),
        "taken": ("s1",),
        "effects": (effect(name), effect("planned")),
        "receipts": (receipt(name), receipt("planned", name)),
        "signals": (signal("other", name),),
        "state": state(RunStatus.FAILED, error=name, at=LATER),
    }
    return writing(claim, **(given | fields))


async def _seen(backend: Storage, journal: Journal, *run_ids: str) -> list[object]:
    """Read all that a write may change."""
    found: list[object] = [*await backend.get_runs("a", run_ids)]
    found += await journal.notices("a", run_ids)
    found += await journal.find_receipts("a", ["planned", "zombie", "late"])
    found += await journal.find_unsettled("a")
    for run_id in run_ids:
        found += await journal.read_steps("a", run_id, values=True)
        found += await journal.read_signals("a", run_id)
        found += await backend.read_events("a", run_id)
    return found


async def _prepared(journal: Journal) -> Claim:
    """Let `r1` execute, which has a signal and an effect, beside `other`, which waits."""
    other, claim = await start_all(journal, submission("other"), submission("r1"))
    await end(journal, other, RunStatus.WAITING, waits_for=("go",))
    await journal.send("a", [signal("r1")])
    await journal.write([writing(claim, effects=(effect("planned"),))])
    return claim


@of_journal
class WriteTests:
    """What one execution writes is there as a whole, where its claim still holds."""

    async def test_d12_a_write_under_an_old_fence_changes_nothing(
        self, backend: Storage, journal: Journal
    ) -> None:
        """A worker that was taken for dead, and lives, is refused in every part."""
        old = await _prepared(journal)
        await lapse(journal, "w1")
        (new,) = await hold(journal, "r1", worker="w2")
        before = await _seen(backend, journal, "r1", "other")

        told = await journal.write([_everything(old, "zombie")])

        assert told == (False,)
        assert await _seen(backend, journal, "r1", "other") == before
        assert await journal.find_due("a", now=LATER, limit=9) == ()
        assert await journal.write([writing(new, steps=(step("r1"),))]) == (True,)

    async def test_a_refused_write_takes_no_other_one_with_it(self, journal: Journal) -> None:
        """Those before and after it in the call are written."""
        claims = await start_all(journal, *(submission(f"r{number}") for number in range(5)))
        await hold(journal, "r1", "r3")

        told = await journal.write(
            [writing(one, steps=(step(one.record.run_id, "new"),)) for one in claims]
        )

        assert told == (True, False, True, False, True)
        counts = [len(await journal.read_steps("a", f"r{number}")) for number in range(5)]
        assert counts == [1, 0, 1, 0, 1]

    async def test_a_claim_that_was_given_up_holds_no_longer(
        self, backend: Storage, journal: Journal
    ) -> None:
        """Nothing is written under it once the run waits or has ended."""
        statuses = [one for one in RunStatus if one is not RunStatus.RUNNING]
        ids = [one.value for one in statuses]
        claims = await start_all(journal, *map(submission, ids))
        await end_all(journal, claims, *map(state, statuses))
        before = await _seen(backend, journal, *ids)

        told = await journal.write([_everything(one, "late") for one in claims])

        assert told == (False,) * len(claims)
        assert await _seen(backend, journal, *ids) == before

    async def test_nothing_is_written_for_a_run_that_is_not_held(
        self, backend: Storage, journal: Journal
    ) -> None:
        """One that is pending, unknown, or of another tenant."""
        claim = await start(journal, "r1")
        await journal.submit([submission("new"), submission("r1", "b")])

        told = await journal.write(
            [
                writing(claim, tenant="b", steps=(step("r1"),)),
                writing(claim, run_id="unknown", steps=(step("unknown"),)),
                writing(claim, run_id="new", fence=0, steps=(step("new"),)),
                writing(claim, fence=claim.fence + 1, steps=(step("r1"),)),
            ]
        )

        assert told == (False, False, False, False)
        for tenant, run_id in (("b", "r1"), ("a", "unknown"), ("a", "new"), ("a", "r1")):
            assert await journal.read_steps(tenant, run_id) == ()

    async def test_one_call_may_write_a_run_several_times(
        self, backend: Storage, journal: Journal
    ) -> None:
        """In the order given; what follows the end of the claim is refused."""
        claim = await start(journal, "r1")
        first = writing(claim, steps=(step("r1", "a"),), events=(event("r1", 1),))
        second = writing(claim, steps=(step("r1", "b", position=2),), events=(event("r1", 2),))
        last = writing(claim, state=state(RunStatus.FAILED, error="why"))
        late = writing(claim, steps=(step("r1", "c", position=3),), events=(event("r1", 3),))

        told = await journal.write([first, second, last, late])

        assert told == (True, True, True, False)
        assert [one.name for one in await journal.read_steps("a", "r1")] == ["a", "b"]
        assert len(await backend.read_events("a", "r1")) == 2
        assert (await backend.get_runs("a", ["r1"]))[0].error == "why"

    async def test_d16_a_write_that_is_repeated_is_written_once(
        self, backend: Storage, journal: Journal
    ) -> None:
        """Its answer may have been lost: the second call gives the same one."""
        claim = await _prepared(journal)
        steps = writing(
            claim,
            steps=(step("r1", "a"),),
            events=(event("r1", 1),),
            taken=("s1",),
            effects=(effect("e1"),),
            receipts=(receipt("planned"),),
            signals=(signal("other", "s2"),),
        )
        last = writing(claim, state=state(RunStatus.SUCCEEDED, result=b"result"))
        first = await journal.write([steps]), await journal.write([last])
        before = await _seen(backend, journal, "r1", "other")

        assert first == ((True,), (True,))
        assert await journal.write([last]) == (True,)
        assert await journal.write([steps, last]) == (True, True)
        assert await _seen(backend, journal, "r1", "other") == before

    async def test_d16_a_wait_that_is_repeated_is_written_once(
        self, backend: Storage, journal: Journal
    ) -> None:
        """Also where the run was woken meanwhile; once it was claimed it is an old one."""
        claim = await start(journal, "r1")
        waits = state(RunStatus.WAITING, waits_for=("go",), at=LATER)
        wait = writing(claim, steps=(step("r1"),), state=waits)
        first = await journal.write([wait])
        await journal.send("a", [signal("r1")])
        (woken,) = await backend.get_runs("a", ["r1"])

        again = await journal.write([wait])

        assert (first, again) == ((True,), (True,))
        assert await backend.get_runs("a", ["r1"]) == (woken,)
        (claim,) = await hold(journal, "r1")
        assert await journal.write([wait]) == (False,)

    async def test_writing_is_whole_or_not_at_all(self, backend: Storage, journal: Journal) -> None:
        """A time that names no moment is refused, and takes its whole call with it."""
        claim, other = await start_all(journal, submission("r1"), submission("other"))
        bad = NOON.replace(tzinfo=None)
        before = await _seen(backend, journal, "r1", "other")
        parts: tuple[dict[str, Any], ...] = (
            {"steps": (step("r1", started_at=bad),)},
            {"steps": (step("r1", finished_at=bad),)},
            {"steps": (step("r1", wake_at=bad),)},
            {"events": (event("r1", 1, at=bad),)},
            {"effects": (effect("e"),), "receipts": (replace(receipt("e"), at=bad),)},
            {"signals": (signal("r1", sent_at=bad),)},
            {"state": state(RunStatus.FAILED, at=bad)},
            {"state": state(RunStatus.WAITING, wake_at=bad)},
        )

        for part in parts:
            good = _everything(other, "good")
            with pytest.raises(StorageError):
                await within(journal.write([good, writing(claim, **part), good]))

        assert await _seen(backend, journal, "r1", "other") == before

    async def test_a_large_call_is_written_whole(self, backend: Storage, journal: Journal) -> None:
        """Hundreds of runs, each with steps and events, as when many executions share one."""
        ids = [f"r{number:03}" for number in range(300)]
        claims = await start_all(journal, *map(submission, ids))

        writes = [
            writing(
                one,
                steps=tuple(step(run_id, key=f"#{n}", position=n) for n in range(3)),
                events=(event(run_id, 1), event(run_id, 2)),
                state=state(RunStatus.SUCCEEDED, result=run_id.encode()),
            )
            for one in claims
            for run_id in [one.record.run_id]
        ]
        told = await within(journal.write(writes))

        assert told == (True,) * 300
        assert await journal.read_results("a", ids) == {one: one.encode() for one in ids}
        for run_id in ("r000", "r299"):
            assert len(await journal.read_steps("a", run_id)) == 3
            assert len(await backend.read_events("a", run_id)) == 2

    async def test_nothing_to_write_is_no_error(self, backend: Storage, journal: Journal) -> None:
        """An empty call says nothing, and a write without parts changes nothing."""
        claim = await start(journal, "r1")

        assert await journal.write([]) == ()
        assert await journal.write([writing(claim)]) == (True,)
        assert await backend.get_runs("a", ["r1"]) == (claim.record,)

    async def test_writers_at_once_lose_nothing(self, backend: Storage, journal: Journal) -> None:
        """Executions of other runs, and steps of one run that go on side by side."""
        claims = await start_all(journal, *(submission(f"r{number}") for number in range(4)))

        async def use(claim: Claim, number: int) -> tuple[bool, ...]:
            run_id = claim.record.run_id
            return await journal.write(
                [
                    writing(
                        claim,
                        steps=(step(run_id, key=f"={number}", position=number),),
                        events=(event(run_id, number),),
                    )
                ]
            )

        calls = [use(claim, number) for number in range(1, 7) for claim in claims]
        told = await within(asyncio.gather(*calls))

        assert set(told) == {(True,)}
        for claim in claims:
            run_id = claim.record.run_id
            assert [one.position for one in await journal.read_steps("a", run_id)] == [*range(1, 7)]
            assert len(await backend.read_events("a", run_id)) == 6
