"""Tests of a journal as a whole: texts, sizes, tenants, and calls that are broken off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from codeflow_engine.contracts import Journal, Pruned, Storage
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import StorageError
from codeflow_engine.testing.contracts.journal.values import (
    LATER,
    LONG,
    answer,
    effect,
    end,
    hold,
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
from codeflow_engine.testing.contracts.watching import LONGEST_STALL, longest_stall, within
from codeflow_engine.testing.values import NOON, event

__all__ = ["WholeTests"]

_TEXTS = (
    *("", " ", "a", "A", "a ", "a\x00", "a\x00b", "\x00", "\x01", "\udcff", "\udc00\ud800"),
    *("\ue000", "\U0001f600", "e\u0301", "\xe9", "%", "_", "é'\"`\\;--", "=a", "#1", "r" * 300),
)
"""Each is another one, though some look alike, or are alike to something."""


@of_journal
class WholeTests:
    """What holds for every part of a journal."""

    async def test_s28_any_text_is_a_run_and_a_step(self, journal: Journal) -> None:
        """Its id, its key, its partition, its workflow, and what its steps are called."""
        given = [
            submission(one, key=one, workflow=one, partition=one, digest=one, parent=f"p{one}")
            for one in _TEXTS
        ]
        stored = await journal.submit(given)
        again = await journal.submit([submission(f"again {one}", key=one) for one in _TEXTS])
        claims = await hold(journal, *_TEXTS)
        writes = [
            writing(
                one,
                steps=tuple(
                    step(one.record.run_id, text, text, position=n, error=text)
                    for n, text in enumerate(_TEXTS)
                ),
                state=state(
                    RunStatus.WAITING, waits_for=(one.record.run_id,), error=one.record.key
                ),
            )
            for one in claims
        ]

        told = await journal.write(writes)

        assert stored == again == tuple(one.record for one in given)
        assert set(told) == {True}
        for write in writes:
            assert await journal.read_steps("a", write.run_id, values=True) == write.steps

    async def test_s28_any_text_is_a_signal(self, journal: Journal) -> None:
        """Its id, its name and what it says."""
        ids = [f"r{number}" for number in range(len(_TEXTS))]
        claims = await start_all(journal, *map(submission, ids))
        waits = [
            writing(one, state=state(RunStatus.WAITING, waits_for=(text,)))
            for one, text in zip(claims, _TEXTS, strict=True)
        ]
        await journal.write(waits)
        sent = {
            one: [signal(one, text, text, value={text: text}) for text in _TEXTS if text != mine]
            for one, mine in zip(ids, _TEXTS, strict=True)
        }

        await journal.send("a", [one for signals in sent.values() for one in signals])
        asleep = await journal.find_due("a", now=LATER, limit=99)
        awake = [signal(one, text, text) for one, text in zip(ids, _TEXTS, strict=True)]
        await journal.send("a", awake)

        assert asleep == ()
        assert sorted(await journal.find_due("a", now=LATER, limit=99)) == sorted(ids)
        found = await journal.read_signals("a", ids[0])
        assert list(found) == [*sent[ids[0]], awake[0]]

    async def test_s28_any_text_is_a_worker_and_a_tenant(self, journal: Journal) -> None:
        """Each holds its own run, and loses it alone."""
        texts = ("", " ", "\x00", "a", "A", "a\x00", "%", "\udcff")
        for one in texts:
            await start(journal, "r1", f"w{one}", tenant=one)

        await journal.retire("w")

        due = [one for one in texts if await journal.find_due(one, now=NOON, limit=9)]
        assert due == [""]

    async def test_s28_any_text_is_the_key_of_an_effect_and_of_an_answer(
        self, journal: Journal
    ) -> None:
        """Each is found by that text alone."""
        claim = await start(journal, "r1")
        effects = tuple(effect(one, text=one) for one in _TEXTS)
        receipts = tuple(receipt(one, one) for one in _TEXTS[::2])
        answers = {one: answer(one) for one in _TEXTS}

        await journal.write([writing(claim, effects=effects, receipts=receipts)])
        await journal.put_answers("a", answers, now=NOON)

        assert await journal.find_receipts("a", _TEXTS) == receipts
        left = [one.key for one in await journal.find_unsettled("a")]
        assert left == sorted(_TEXTS[1::2])
        assert await journal.get_answers("a", _TEXTS) == answers

    async def test_d40_a_huge_value_is_kept_or_refused(self, journal: Journal) -> None:
        """Of 50 MB: either it comes back, or the call is an error that changed nothing."""
        huge = bytes(50_000_000)
        claim = await start(journal, "r1")

        try:
            told = await within(journal.write([writing(claim, steps=(step("r1", value=huge),))]))
        except StorageError:
            assert await journal.read_steps("a", "r1") == ()
        else:
            found = await within(journal.read_steps("a", "r1", values=True))
            assert told == (True,)
            # Not compared by the assert itself: it would print both.
            is_whole = [one.value for one in found] == [huge]
            assert is_whole
        assert await journal.write([writing(claim, steps=(step("r1", "t"),))]) == (True,)

    async def test_an_old_run_goes_with_its_journal(
        self, backend: Storage, journal: Journal
    ) -> None:
        """Its steps, signals, effects and result; its key may be used again, and others stay."""
        for run_id, at in (("old", NOON), ("new", LATER)):
            claim = await start(journal, run_id, key=run_id)
            await journal.send("a", [signal(run_id)])
            planned = effect(f"{run_id} settled"), effect(f"{run_id} planned")
            last = writing(
                claim,
                steps=(step(run_id),),
                effects=planned,
                receipts=(receipt(f"{run_id} settled"),),
                state=state(RunStatus.SUCCEEDED, at=at, result=b"result"),
            )
            await journal.write([last])

        pruned = await backend.prune("a", before=LATER)

        assert pruned == Pruned(runs=1)
        assert await journal.read_results("a", ["old", "new"]) == {"new": b"result"}
        receipts = await journal.find_receipts("a", ["old settled", "new settled"])
        assert [one.key for one in receipts] == ["new settled"]
        assert [one.key for one in await journal.find_unsettled("a")] == ["new planned"]
        stored = await journal.submit([submission("r1", key="old"), submission("r2", key="new")])
        assert [one.run_id for one in stored] == ["r1", "new"]
        await journal.submit([submission("old")])
        for run_id, count in (("old", 0), ("new", 1)):
            assert len(await journal.read_steps("a", run_id)) == count
            assert len(await journal.read_signals("a", run_id)) == count

    async def test_d46_a_run_that_goes_on_keeps_its_journal(
        self, backend: Storage, journal: Journal
    ) -> None:
        """However old it is."""
        waiting, running = await start_all(journal, submission("waiting"), submission("running"))
        for claim in (waiting, running):
            run_id = claim.record.run_id
            await journal.send("a", [signal(run_id)])
            parts = writing(claim, steps=(step(run_id),), effects=(effect(run_id),))
            await journal.write([parts])
        await end(journal, waiting, RunStatus.WAITING, wake_at=NOON)

        assert not await backend.prune("a", before=LATER + timedelta(days=9))

        assert len(await journal.find_unsettled("a")) == 2
        for run_id in ("waiting", "running"):
            assert await journal.read_steps("a", run_id, values=True) == (step(run_id),)
            assert len(await journal.read_signals("a", run_id)) == 1
        assert await journal.write([writing(running)]) == (True,)

    async def test_a_call_that_is_cancelled_is_whole_or_not_there(
        self, backend: Storage, journal: Journal
    ) -> None:
        """Whatever it was at, and the journal works as before."""
        ids = [f"r{number:02}" for number in range(40)]
        claims = await start_all(journal, *map(submission, ids))
        parts = [
            writing(one, steps=(step(run_id),), events=(event(run_id, 1),), state=_FAILED)
            for one in claims
            for run_id in [one.record.run_id]
        ]

        async def ended() -> int:
            # What was cancelled may come to its end while somebody reads.
            before = [await backend.read_events("a", one) for one in ids[::13]]
            failed = len(await backend.find_runs("a", status=RunStatus.FAILED))
            assert failed or not any(before)
            for one in ids[::13] if failed else ():
                assert len(await journal.read_steps("a", one)) == 1
                assert len(await backend.read_events("a", one)) == 1
            return failed

        async def new() -> int:
            return len(await backend.find_runs("a", status=RunStatus.PENDING))

        more = [submission(f"new{number:02}") for number in range(40)]
        for call, count in (
            (lambda: journal.submit(more), new),
            (lambda: journal.write(parts), ended),
        ):
            for turns in range(1, 12, 2):
                await _broken_off(call, turns)
                assert await count() in {0, 40}
            await within(call())
            assert await count() == 40

    async def test_a_claim_that_is_cancelled_is_made_again(self, journal: Journal) -> None:
        """Its worker asks once more, and no recovery is counted, nor a run lost."""
        ids = [f"r{number}" for number in range(5)]
        await journal.submit([submission(one) for one in ids])
        await journal.renew("w1", lease=LONG)

        async def claim() -> object:
            return await journal.claim("a", "w1", run_ids=ids, now=NOON)

        for turns in range(1, 12, 2):
            await _broken_off(claim, turns)

        claims = await hold(journal, *ids)
        assert {one.record.recoveries for one in claims} == {0}

    async def test_it_does_not_block_the_event_loop_while_it_writes(self, journal: Journal) -> None:
        """While runs are claimed and written, everything else of the host goes on."""
        ids = [f"r{number}" for number in range(50)]

        async def use() -> None:
            await within(journal.submit([submission(one) for one in ids]))
            claims = await within(hold(journal, *ids))
            steps = [writing(one, steps=(step(one.record.run_id),)) for one in claims]
            await within(journal.write(steps))
            await within(journal.find_due("a", now=NOON, limit=9))

        assert await longest_stall(use) < LONGEST_STALL


_FAILED = state(RunStatus.FAILED)


async def _broken_off(call: Callable[[], Awaitable[object]], turns: int) -> None:
    """Make a call, and cancel it after so many turns of the event loop."""
    task = asyncio.ensure_future(call())
    for _ in range(turns):
        await asyncio.sleep(0 if turns < 9 else 0.001)
    task.cancel()
    await within(asyncio.wait([task]))
    if not task.cancelled() and task.exception() is not None:
        pytest.fail(f"the call was cancelled, and raised {task.exception()!r}")
