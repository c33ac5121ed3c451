"""The journal in memory: how long it keeps what, and what the contract leaves open."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from codeflow_engine.domain.chat import ChatAnswer, FinishReason
from codeflow_engine.domain.effect import Effect, EffectKind, Receipt
from codeflow_engine.domain.journal import (
    Claim,
    RunLimits,
    RunState,
    RunWrite,
    Signal,
    StepRecord,
    StepState,
    Submission,
)
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import StorageError
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.testing.values import NOON, event, known, run

LATER = NOON + timedelta(hours=1)


def submission(run_id: str, **fields: Any) -> Submission:
    return Submission(record=run(run_id, **({"wake_at": NOON} | fields)), payload=b"input")


async def begin(storage: MemoryStorage, run_id: str, **fields: Any) -> Claim:
    await storage.submit([submission(run_id, **fields)])
    await storage.renew("w1", lease=60)
    (claim,) = await storage.claim("a", "w1", run_ids=[run_id], now=NOON)
    return claim


def step(run_id: str) -> StepRecord:
    return StepRecord(
        run_id=run_id,
        name="s",
        key="#1",
        position=1,
        state=StepState.DONE,
        started_at=NOON,
        finished_at=NOON,
        value=b"value",
    )


async def end(storage: MemoryStorage, claim: Claim, **parts: Any) -> None:
    state = RunState(status=RunStatus.SUCCEEDED, at=NOON, result=b"result")
    run_id = claim.record.run_id
    write = RunWrite(tenant="a", run_id=run_id, fence=claim.fence, state=state, **parts)
    assert await storage.write([write]) == (True,)


async def ids(storage: MemoryStorage) -> list[str]:
    return sorted(one.run_id for one in await storage.find_runs("a"))


def answer(text: str) -> ChatAnswer:
    return ChatAnswer(text=text, finish_reason=FinishReason.STOP, model="m")


async def test_a_run_that_is_forgotten_leaves_nothing() -> None:
    """Its steps, signals, effects, key and place in every list go with it."""
    storage = MemoryStorage(keep=1)
    claim = await begin(storage, "r1", key="k", parent="gone")
    await storage.send("a", [Signal(run_id="r1", signal_id="s", name="n", sent_at=NOON)])
    planned = Effect(key="e", kind=EffectKind.LABEL, target="t", head="h", payload={})
    settled = Receipt(key="e", external_id="7", found=False, at=NOON)
    parts: dict[str, Any] = {"effects": (planned,), "receipts": (settled,)}
    await end(storage, claim, steps=(step("r1"),), events=(event("r1", 1),), **parts)

    await end(storage, await begin(storage, "r2"))

    kept = storage._tenants["a"]
    assert await ids(storage) == ["r2"]
    assert (kept.effects, kept.receipts, kept.keys, kept.events) == ({}, {}, {}, {})
    assert (kept.queue, kept.running, dict(kept.children)) == ([], {}, {})
    assert [*kept.entries] == ["r2"]


async def test_a_success_keeps_neither_its_input_nor_the_values_of_its_steps() -> None:
    """They are what is large, and nobody reads them again."""
    storage = MemoryStorage()
    await end(storage, await begin(storage, "r1"), steps=(step("r1"),))

    entry = storage._tenants["a"].entries["r1"]
    assert entry.payload is None
    assert [one.value for one in entry.steps.values()] == [None]


async def test_a_run_under_way_finds_the_results_of_all_that_it_started() -> None:
    """However many they are, they are forgotten after it alone."""
    storage = MemoryStorage(keep=2)
    parent = await begin(storage, "parent")
    names = [f"child{number}" for number in range(5)]
    for name in names:
        await end(storage, await begin(storage, name, parent="parent"))

    assert len(await storage.read_results("a", names)) == 5

    await end(storage, parent)
    assert await ids(storage) == ["child4", "parent"]


async def test_answers_go_with_the_runs_that_are_forgotten() -> None:
    """Those that are older than the end of such a run: it was the last that may have asked."""
    storage = MemoryStorage(keep=1)
    for minutes in range(3):
        at = NOON + timedelta(minutes=minutes)
        await storage.put_answers("a", {f"k{minutes}": answer("a")}, now=at)
        ended = run(f"r{minutes}", status=RunStatus.SUCCEEDED, updated_at=at + timedelta(seconds=1))
        await storage.put_runs([ended])

    assert [*await storage.get_answers("a", ["k0", "k1", "k2"])] == ["k2"]


async def test_leases_are_measured_on_the_clock_that_is_handed_in() -> None:
    """And those that are over are not kept."""
    seconds = 0.0
    storage = MemoryStorage(monotonic=lambda: seconds)
    await begin(storage, "r1")
    seconds = 59.9
    before = await storage.find_due("a", now=LATER, limit=1)

    seconds = 60.0
    await storage.renew("w2", lease=1)

    assert before == ()
    assert await storage.find_due("a", now=NOON, limit=1) == ("r1",)
    assert [*storage._leases] == ["w2"]


@pytest.mark.parametrize("status", [RunStatus.PENDING, RunStatus.RUNNING, RunStatus.FAILED])
async def test_a_run_that_was_only_put_in_is_executed_by_nobody(status: RunStatus) -> None:
    """It has no input, so it is neither due nor resumed."""
    storage = MemoryStorage()
    await storage.put_runs([run("r1", status=status, wake_at=NOON)])
    await storage.renew("w1", lease=60)

    await storage.resume("a", ["r1"], now=NOON, seconds=None)

    assert await storage.find_due("a", now=LATER, limit=9) == ()
    assert await storage.claim("a", "w1", run_ids=["r1"], now=LATER) == ()
    assert (await storage.get_runs("a", ["r1"]))[0].status is status


async def test_a_key_that_another_run_has_is_refused() -> None:
    """Also within one batch; and nothing of it is kept."""
    storage = MemoryStorage()
    await storage.submit([submission("r1", key="k")])
    batches = (
        [run("r2"), run("r3", key="k")],
        [run("r2", key="j"), run("r3", key="j")],
    )

    for batch in batches:
        with pytest.raises(StorageError, match="run 'r3' cannot have the key of another one"):
            await storage.put_runs(batch)

    assert await ids(storage) == ["r1"]
    await storage.put_runs([run("r1", key="j"), run("r2", "b", key="j")])
    (other,) = await storage.submit([submission("r4", key="k")])
    assert other.run_id == "r4"


async def test_a_run_that_is_put_in_again_keeps_its_place() -> None:
    """The storage replaces its record, and the journal goes on with it."""
    storage = MemoryStorage()
    claim = await begin(storage, "r1")
    await storage.submit([submission("r2", minutes=1), submission("r3", minutes=2)])

    await storage.put_runs([replace(claim.record, error="seen")])
    first = replace(submission("r3", minutes=2).record, priority=1)
    await storage.put_runs([first])

    assert await storage.find_due("a", now=NOON, limit=9) == ("r3", "r2")
    write = RunWrite(tenant="a", run_id="r1", fence=claim.fence, steps=(step("r1"),))
    assert await storage.write([write]) == (True,)


async def test_a_clock_that_goes_back_holds_up_no_start() -> None:
    """Runs that began on a day that is yet to come are not the last that began."""
    storage = MemoryStorage()
    limits = {"review": RunLimits(starts=1, seconds=60)}
    await begin(storage, "r1")
    await storage.submit([submission("r2", wake_at=NOON - timedelta(days=2))])

    async def find(now: Any) -> tuple[str, ...]:
        return await storage.find_due("a", now=now, limit=9, limits=limits)

    assert await find(NOON + timedelta(seconds=59)) == ()
    assert await find(NOON - timedelta(seconds=59)) == ()
    assert await find(NOON - timedelta(days=1)) == ("r2",)


async def test_a_limit_that_was_lowered_holds_for_what_is_held() -> None:
    """A worker takes up no more of its own than may execute, and the rest is still counted."""
    storage = MemoryStorage()
    for number in range(3):
        await begin(storage, f"r{number}", minutes=number)
    limits = {"review": RunLimits(running=2)}

    claims = await storage.claim("a", "w1", run_ids=["r0"], now=NOON, limits=limits)

    assert claims == ()
    assert await storage.find_due("a", now=LATER, limit=9, limits=limits) == ()


async def test_the_receipt_of_what_nobody_has_planned_is_not_kept() -> None:
    """It would belong to no run, and so stay for ever."""
    storage = MemoryStorage()
    settled = Receipt(key="e", external_id="7", found=False, at=NOON)

    await end(storage, await begin(storage, "r1"), receipts=(settled,))

    assert await storage.find_receipts("a", ["e"]) == ()


async def test_findings_that_only_a_forgotten_run_has_seen_go_with_it() -> None:
    """What a later one has seen as well stays."""
    storage = MemoryStorage(keep=1)
    await storage.put_reviews("a", [], [known("f1", run_id="r1"), known("f2", run_id="r1")])
    await storage.put_reviews("a", [], [known("f2", run_id="r2")])

    await storage.put_runs([run(name, status=RunStatus.FAILED) for name in ("r1", "r2")])

    assert await storage.find_findings("a") == (known("f2", run_id="r2"),)
