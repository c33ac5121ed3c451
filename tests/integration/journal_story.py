"""One story that uses every call of a journal, told alike by every one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from codeflow_engine.domain.chat import ChatAnswer, FinishReason
from codeflow_engine.domain.effect import Effect, EffectKind, Receipt
from codeflow_engine.domain.journal import (
    Claim,
    RunState,
    RunWrite,
    Signal,
    StepRecord,
    StepState,
    Submission,
)
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.testing.values import event, run

__all__ = ["NOW", "step", "submission", "tell", "writing"]

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def submission(run_id: str, **fields: Any) -> Submission:
    """Make a new run that is due."""
    return Submission(record=run(run_id, **{"wake_at": NOW, **fields}), payload=b'{"x":1}')


def step(run_id: str, number: int, **fields: Any) -> StepRecord:
    """Make a step that is done."""
    given: dict[str, Any] = {"state": StepState.DONE, "value": b"\x00\xff", "position": number}
    times = {"started_at": NOW, "finished_at": NOW}
    return StepRecord(run_id=run_id, name="s", key=f"#{number}", **{**times, **given, **fields})


def writing(claim: Claim, **parts: Any) -> RunWrite:
    """Make what an execution writes under its claim."""
    record = claim.record
    return RunWrite(tenant=record.tenant, run_id=record.run_id, fence=claim.fence, **parts)


type _Say = Callable[[Awaitable[Any]], Awaitable[Any]]


async def tell(storage: Any) -> list[Any]:
    """Let runs be submitted, executed, stopped and resumed; give what every call gave."""
    told: list[Any] = []

    async def say(call: Awaitable[Any]) -> Any:
        given = await call
        if isinstance(given, tuple):
            # It is higher where the call came twice.
            told.append([replace(one, fence=0) if isinstance(one, Claim) else one for one in given])
        else:
            told.append(given)
        return given

    runs = [submission(one, seconds_left=60.0) for one in ("r1", "r2", "r3", "r4")]
    await say(storage.submit([*runs, submission("child", parent="r2", key="k")]))
    await say(storage.renew("w1", lease=3600))
    claims = await say(storage.claim("a", "w1", run_ids=["r1", "r2", "r3", "child"], now=NOW))
    await _work(storage, say, claims)
    await _wait(storage, say, claims)
    await _stop(storage, say, claims)
    await _look(storage, say)
    return told


async def _work(storage: Any, say: _Say, claims: tuple[Claim, ...]) -> None:
    first, second = claims[:2]
    effect = Effect(key="e", kind=EffectKind.REVIEW, target="c", head="h", payload={"x": "\x00"})
    receipt = Receipt(key="e", external_id="7", found=False, at=NOW)
    signal = Signal(run_id="r2", signal_id="s0", name="early", value=[1], sent_at=NOW)
    steps = (step("r1", 1), step("r1", 2, state=StepState.WAITING, value=None))
    await say(
        storage.write(
            [
                writing(first, steps=steps, events=(event("r1", 1), event("r1", 2))),
                writing(second, effects=(effect,), signals=(signal, replace(signal, run_id="?"))),
                writing(first, steps=(step("r1", 2, attempts=2),), receipts=(receipt,)),
            ]
        )
    )
    answer = ChatAnswer(text="yes", finish_reason=FinishReason.STOP, model="m")
    await say(storage.put_answers("a", {"q": answer}, now=NOW))
    await say(storage.put_answers("a", {"q": replace(answer, text="no")}, now=NOW))


async def _wait(storage: Any, say: _Say, claims: tuple[Claim, ...]) -> None:
    first, second = claims[:2]
    waits = RunState(
        status=RunStatus.WAITING, at=NOW, wake_at=NOW + timedelta(days=1), waits_for=("go", "x")
    )
    early = replace(waits, waits_for=("early",))
    await say(storage.write([writing(first, state=waits), writing(second, state=early)]))
    await say(storage.find_due("a", now=NOW, limit=9))
    go = Signal(run_id="r1", signal_id="s1", name="go", sent_at=NOW)
    await say(storage.send("a", [go, replace(go, signal_id="s2", name="x"), go]))
    await say(storage.send("a", [go, replace(go, run_id="?")]))
    await say(storage.find_due("a", now=NOW, limit=9))
    again = await say(storage.claim("a", "w1", run_ids=["r1", "r2"], now=NOW))
    done = RunState(status=RunStatus.SUCCEEDED, at=NOW, summary={"n": 1}, result=b"\x00")
    failed = RunState(status=RunStatus.FAILED, at=NOW, error="ValueError: x")
    error = step("r2", 1, state=StepState.FAILED, value=None, error="{}")
    await say(
        storage.write(
            [
                writing(again[0], taken=("s1",), steps=(step("r1", 3),)),
                writing(again[0], state=done, events=(event("r1", 3),)),
                writing(again[1], steps=(error,), state=failed),
            ]
        )
    )


async def _stop(storage: Any, say: _Say, claims: tuple[Claim, ...]) -> None:
    await say(storage.cancel("a", ["r3", "r4", "r1"], now=NOW))
    cancelled = RunState(status=RunStatus.CANCELLED, at=NOW)
    await say(storage.write([writing(claims[2], state=cancelled)]))
    await say(storage.cancel("a", ["r2", "r3"], now=NOW))
    later = NOW + timedelta(minutes=1)
    await say(storage.resume("a", ["r1", "r2", "r3"], now=later, seconds=5.0))
    await say(storage.retire("w1"))
    await say(storage.find_due("a", now=later, limit=9))
    await say(storage.renew("w2", lease=3600))
    await say(storage.claim("a", "w2", run_ids=["child", "r2"], now=later))


async def _look(storage: Any, say: _Say) -> None:
    ids = ("r1", "r2", "r3", "r4", "child")
    await say(storage.get_runs("a", ids))
    for one in ids:
        await say(storage.read_steps("a", one, values=True))
        await say(storage.read_events("a", one))
        await say(storage.read_signals("a", one))
    await say(storage.read_results("a", ids))
    await say(storage.find_receipts("a", ["e", "?"]))
    await say(storage.find_unsettled("a"))
    await say(storage.get_answers("a", ["q", "?"]))
    await say(_noticed(storage, ids))
    await say(storage.prune("a", before=NOW + timedelta(days=1)))
    await say(storage.find_runs("a"))


async def _noticed(storage: Any, ids: Sequence[str]) -> tuple[Any, ...]:
    return tuple([replace(one, fence=0) for one in await storage.notices("a", ids)])
