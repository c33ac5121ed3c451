"""Tests of several journals over the same data, one after another or at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from codeflow_engine.contracts import Journal, StorageCapability
from codeflow_engine.domain.journal import RunWrite
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import StorageUnavailableError
from codeflow_engine.testing.contracts.backend import another, requires
from codeflow_engine.testing.contracts.journal.values import (
    LONG,
    answer,
    effect,
    end,
    hold,
    lapse,
    of_journal,
    receipt,
    signal,
    start,
    state,
    step,
    submission,
    writing,
)
from codeflow_engine.testing.contracts.watching import PATIENCE, within
from codeflow_engine.testing.values import NOON, event

__all__ = ["SeveralJournalsTests"]

_DURABLE = StorageCapability.DURABLE
_SHARED = StorageCapability.SHARED

type _Create = Callable[[], Any]


async def _write_everything(journal: Journal) -> None:
    """Let one run have everything and go on, and another one have a result."""
    claim = await start(journal, "r1", key="k", seconds_left=9.0)
    await journal.send("a", [signal("r1", "s1"), signal("r1", "s2")])
    parts = writing(
        claim,
        steps=(step("r1"),),
        events=(event("r1", 1),),
        taken=("s1",),
        effects=(effect("e1"), effect("e2")),
        receipts=(receipt("e1"),),
        state=state(RunStatus.WAITING, waits_for=("stop",), seconds_left=5.0),
    )
    assert await journal.write([parts]) == (True,)
    await end(journal, await start(journal, "r2"), RunStatus.SUCCEEDED, result=b"result")
    await journal.put_answers("a", {"q": answer("first")}, now=NOON)


async def _check_everything(journal: Journal) -> None:
    """See what `_write_everything` has written, and that the first run goes on."""
    assert await within(journal.read_steps("a", "r1", values=True)) == (step("r1"),)
    assert await journal.read_results("a", ["r1", "r2"]) == {"r2": b"result"}
    assert await journal.read_signals("a", "r1") == (signal("r1", "s2"),)
    assert await journal.find_receipts("a", ["e1", "e2"]) == (receipt("e1"),)
    assert await journal.find_unsettled("a", run_id="r1") == (effect("e2"),)
    assert await journal.get_answers("a", ["q"]) == {"q": answer("first")}
    (known,) = await journal.submit([submission("other", key="k")])
    assert (known.run_id, known.status) == ("r1", RunStatus.WAITING)
    await journal.send("a", [signal("r1", "s3", "stop"), signal("r1", "s1")])
    (claim,) = await hold(journal, "r1", worker="w9")
    assert (claim.payload, claim.steps, claim.last_event) == (b"input", (step("r1"),), 1)
    assert claim.record.recoveries == 0
    assert claim.record.deadline is not None


@of_journal
class SeveralJournalsTests:
    """Workers of several processes share one journal."""

    @requires(_DURABLE)
    async def test_what_a_journal_has_acknowledged_outlives_it(self, untouched: _Create) -> None:
        """Another one goes on with it, after the first was closed."""
        async with another(untouched) as first:
            await first.migrate()
            await _write_everything(first)

        async with another(untouched) as second:
            await _check_everything(second)

    @requires(_DURABLE, _SHARED)
    async def test_what_a_journal_has_acknowledged_is_there_at_once(
        self, create: _Create, journal: Journal
    ) -> None:
        """A process that ends in the middle closes nothing."""
        await _write_everything(journal)

        async with another(create) as second:
            await _check_everything(second)

    @requires(_SHARED)
    async def test_d10_claims_of_several_take_each_run_once(
        self, create: _Create, journal: Journal
    ) -> None:
        """However many processes there are, and whoever is first."""
        ids = [f"r{number:02}" for number in range(40)]
        await journal.submit([submission(one) for one in ids])
        async with another(create) as second, another(create) as third:

            async def work(mine: Journal, worker: str, order: Sequence[str]) -> list[str]:
                await mine.renew(worker, lease=LONG)
                claimed: list[str] = []
                for at in range(0, len(order), 8):
                    some = order[at : at + 8]
                    claims = await mine.claim("a", worker, run_ids=some, now=NOON)
                    claimed += [one.record.run_id for one in claims]
                return claimed

            told = await within(
                asyncio.gather(
                    work(journal, "w1", ids),
                    work(second, "w2", ids[::-1]),
                    work(third, "w3", ids[20:] + ids[:20]),
                )
            )

        assert sorted(one for claimed in told for one in claimed) == ids

    @requires(_SHARED)
    async def test_d12_several_see_each_others_leases_and_fences(
        self, create: _Create, journal: Journal
    ) -> None:
        """One takes over what another one held, whose writes are refused from then on."""
        old = await start(journal, "r1", "w1")
        async with another(create) as second:
            await second.renew("w2", lease=LONG)
            held = await second.claim("a", "w2", run_ids=["r1"], now=NOON)
            await lapse(journal, "w1")
            (new,) = await hold(second, "r1", worker="w2")
            seen = await journal.notices("a", ["r1"])
            zombie = await journal.write([writing(old, steps=(step("r1", "zombie"),))])
            written = await second.write([writing(new, steps=(step("r1"),))])
            await journal.cancel("a", ["r1"], now=NOON)
            await journal.send("a", [signal("r1")])
            (said,) = await second.notices("a", ["r1"])

        assert held == ()
        assert [one.fence for one in seen] == [new.fence]
        assert new.fence > old.fence
        assert (zombie, written) == ((False,), (True,))
        assert (said.cancelling, said.signals) == (True, 1)
        assert await journal.read_steps("a", "r1", values=True) == (step("r1"),)

    @requires(_SHARED)
    async def test_d8_a_run_that_several_submit_at_once_is_one(
        self, create: _Create, journal: Journal
    ) -> None:
        """They get the same one; and the same holds for the answers of models."""
        async with another(create) as second, another(create) as third:
            several: tuple[Journal, ...] = (journal, second, third)
            runs: list[Awaitable[Any]] = [
                one.submit([submission(f"r{n}{k}", key=f"k{k}") for k in range(3)])
                for n, one in enumerate(several * 3)
            ]
            puts: list[Awaitable[Any]] = [
                one.put_answers("a", {"q": answer(f"{n}")}, now=NOON)
                for n, one in enumerate(several * 3)
            ]
            told = await within(asyncio.gather(*runs, *puts))

        assert all(one == told[0] for one in told[:9])
        assert all(one == told[9] for one in told[9:])

    @requires(StorageCapability.ANY_LOOP)
    async def test_several_event_loops_use_one_journal(self, journal: Journal) -> None:
        """Each in a thread of its own, at the same time; one that ends leaves the others be."""
        ids = [f"r{number}" for number in range(4)]

        async def use(worker: str, *, leaves: bool = True) -> None:
            # A thread that hangs would hold up the end of the process.
            async with asyncio.timeout(PATIENCE):
                for run_id in ids:
                    await start(journal, f"{worker} {run_id}", worker)
                if leaves:
                    await journal.leave_loop()

        workers = ["w1", "w2", "w3"]
        threads = [asyncio.to_thread(lambda one: asyncio.run(use(one)), one) for one in workers]
        calls = asyncio.gather(*threads, use("w0", leaves=False), return_exceptions=True)
        failures = [one for one in await within(calls, 2 * PATIENCE) if one is not None]

        assert failures == []
        every = [f"{worker} {run_id}" for worker in ("w0", *workers) for run_id in ids]
        assert len(await journal.notices("a", every)) == len(every)

    async def test_d15_a_journal_that_cannot_be_reached_is_an_error(
        self, unreachable: _Create
    ) -> None:
        """Every call says so, in a way that tells that a later try may succeed."""
        async with another(unreachable) as journal:
            calls: list[Awaitable[object]] = [
                journal.submit([submission("r1")]),
                journal.find_due("a", now=NOON, limit=1),
                journal.claim("a", "w1", run_ids=["r1"], now=NOON),
                journal.write([_WRITE]),
                journal.read_steps("a", "r1"),
                journal.read_results("a", ["r1"]),
                journal.renew("w1", lease=1),
                journal.retire("w1"),
                journal.notices("a", ["r1"]),
                journal.cancel("a", ["r1"], now=NOON),
                journal.resume("a", ["r1"], now=NOON, seconds=None),
                journal.send("a", [signal("r1")]),
                journal.read_signals("a", "r1"),
                journal.find_receipts("a", ["e1"]),
                journal.find_unsettled("a"),
                journal.get_answers("a", ["q"]),
                journal.put_answers("a", {"q": answer("a")}, now=NOON),
            ]
            ends = await within(asyncio.gather(*calls, return_exceptions=True))

        wrong = [one for one in ends if not isinstance(one, StorageUnavailableError)]
        assert wrong == []


_WRITE = RunWrite(tenant="a", run_id="r1", fence=1, steps=(step("r1"),))
