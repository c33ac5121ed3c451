"""Whole values for the tests of journals, and the steps that most of them begin with."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from codeflow_engine.contracts import Journal, StorageCapability
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
from codeflow_engine.domain.usage import CallUsage
from codeflow_engine.testing.contracts.backend import requiring
from codeflow_engine.testing.values import NOON, run

__all__ = [
    "LATER",
    "LONG",
    "SHORT",
    "answer",
    "effect",
    "end",
    "end_all",
    "hold",
    "lapse",
    "of_journal",
    "receipt",
    "signal",
    "start",
    "start_all",
    "state",
    "step",
    "submission",
    "writing",
]

LONG = 3600.0
"""Seconds of a lease that holds until a test is over."""

SHORT = 0.02
"""Seconds of a lease that a test waits for the end of."""

LATER = NOON + timedelta(days=1)


def of_journal[T: type](tests: T) -> T:
    """Run the tests of a class only on storages that are a journal."""
    return requiring(StorageCapability.JOURNAL)(tests)


def submission(
    run_id: str, tenant: str = "a", *, payload: bytes = b"input", **fields: Any
) -> Submission:
    """Make a new run that is due at `NOON`; fields are those of its record."""
    return Submission(record=run(run_id, tenant, **{"wake_at": NOON, **fields}), payload=payload)


def step(run_id: str, name: str = "s", key: str = "#1", **fields: Any) -> StepRecord:
    """Make a step that is done; fields are those of the record."""
    given: dict[str, Any] = {
        "position": 1,
        "state": StepState.DONE,
        "started_at": NOON,
        "finished_at": NOON + timedelta(seconds=1),
        "value": b'"value"' if fields.get("state", StepState.DONE) is StepState.DONE else None,
    }
    return StepRecord(**{**given, "run_id": run_id, "name": name, "key": key, **fields})


def signal(run_id: str, signal_id: str = "s1", name: str = "go", **fields: Any) -> Signal:
    """Make a signal; fields are those of the value."""
    return Signal(
        **{"sent_at": NOON, **fields, "run_id": run_id, "signal_id": signal_id, "name": name}
    )


def effect(key: str, **payload: Any) -> Effect:
    """Make an effect; the fields are what it says."""
    return Effect(key=key, kind=EffectKind.REVIEW, target="c1", head="h" * 40, payload=payload)


def receipt(key: str, external_id: str = "7") -> Receipt:
    """Make the receipt of an effect."""
    return Receipt(key=key, external_id=external_id, found=False, at=NOON)


def answer(text: str) -> ChatAnswer:
    """Make an answer of a model."""
    usage = CallUsage(calls=1, input_tokens=2**40, cost_usd=Decimal("0.000000001"))
    return ChatAnswer(text=text, finish_reason=FinishReason.STOP, model="m-1", usage=usage)


def state(status: RunStatus, **fields: Any) -> RunState:
    """Make a state; fields are those of the value."""
    return RunState(**{"at": NOON, **fields, "status": status})


def writing(claim: Claim, **fields: Any) -> RunWrite:
    """Make what an execution writes under its claim; fields are those of the value."""
    record = claim.record
    given: dict[str, Any] = {"tenant": record.tenant, "run_id": record.run_id}
    return RunWrite(**(given | {"fence": claim.fence} | fields))


async def hold(
    journal: Journal,
    *run_ids: str,
    worker: str = "w1",
    tenant: str = "a",
    now: datetime = NOON,
    lease: float = LONG,
) -> Sequence[Claim]:
    """Let a worker claim runs that are there."""
    await journal.renew(worker, lease=lease)
    claims = await journal.claim(tenant, worker, run_ids=run_ids, now=now)
    assert [one.record.run_id for one in claims] == list(run_ids)
    return claims


async def start(journal: Journal, run_id: str, worker: str = "w1", **fields: Any) -> Claim:
    """Submit a run and let a worker claim it; fields are those of the record."""
    (claim,) = await start_all(journal, submission(run_id, **fields), worker=worker)
    return claim


async def start_all(journal: Journal, *runs: Submission, worker: str = "w1") -> Sequence[Claim]:
    """Submit runs of one tenant and let a worker claim them."""
    records = await journal.submit(runs)
    run_ids = [one.run_id for one in records]
    return await hold(journal, *run_ids, worker=worker, tenant=records[0].tenant)


async def end(journal: Journal, claim: Claim, status: RunStatus, **fields: Any) -> None:
    """Let an execution say where its run stands; fields are those of the state."""
    assert await journal.write([writing(claim, state=state(status, **fields))]) == (True,)


async def end_all(journal: Journal, claims: Sequence[Claim], *states: RunState) -> None:
    """Let each of several executions say where its run stands."""
    pairs = zip(claims, states, strict=True)
    told = await journal.write([writing(claim, state=one) for claim, one in pairs])
    assert told == (True,) * len(states)


async def lapse(journal: Journal, worker: str = "w1") -> None:
    """Let the lease of a worker pass."""
    await journal.renew(worker, lease=SHORT)
    await asyncio.sleep(2 * SHORT)
