"""A journal that hands every call on to another one; others change what passes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import override

from codeflow_engine.contracts import Journal
from codeflow_engine.domain.chat import ChatAnswer
from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.domain.journal import (
    Claim,
    Notice,
    RunLimits,
    RunWrite,
    Signal,
    StepRecord,
    Submission,
)
from codeflow_engine.domain.run import RunRecord

__all__ = ["PassingJournal"]


class PassingJournal(Journal):
    """Does nothing by itself.

    Args:
        journal: What it hands calls on to.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    @override
    async def submit(self, runs: Sequence[Submission]) -> tuple[RunRecord, ...]:
        return await self._journal.submit(runs)

    @override
    async def submit_within(
        self, transaction: object, runs: Sequence[Submission]
    ) -> tuple[RunRecord, ...]:
        return await self._journal.submit_within(transaction, runs)

    @override
    async def leave_loop(self) -> None:
        await self._journal.leave_loop()

    @override
    async def find_due(
        self,
        tenant: str,
        *,
        now: datetime,
        limit: int,
        run_ids: Collection[str] | None = None,
        limits: Mapping[str, RunLimits] | None = None,
    ) -> tuple[str, ...]:
        return await self._journal.find_due(
            tenant, now=now, limit=limit, run_ids=run_ids, limits=limits
        )

    @override
    async def claim(
        self,
        tenant: str,
        worker: str,
        *,
        run_ids: Sequence[str],
        now: datetime,
        limits: Mapping[str, RunLimits] | None = None,
    ) -> tuple[Claim, ...]:
        return await self._journal.claim(tenant, worker, run_ids=run_ids, now=now, limits=limits)

    @override
    async def write(self, writes: Sequence[RunWrite]) -> tuple[bool, ...]:
        return await self._journal.write(writes)

    @override
    async def read_steps(
        self, tenant: str, run_id: str, *, values: bool = False
    ) -> tuple[StepRecord, ...]:
        return await self._journal.read_steps(tenant, run_id, values=values)

    @override
    async def read_results(self, tenant: str, run_ids: Sequence[str]) -> Mapping[str, bytes]:
        return await self._journal.read_results(tenant, run_ids)

    @override
    async def renew(self, worker: str, *, lease: float) -> None:
        await self._journal.renew(worker, lease=lease)

    @override
    async def retire(self, worker: str) -> None:
        await self._journal.retire(worker)

    @override
    async def notices(self, tenant: str, run_ids: Sequence[str]) -> tuple[Notice, ...]:
        return await self._journal.notices(tenant, run_ids)

    @override
    async def cancel(
        self, tenant: str, run_ids: Sequence[str], *, now: datetime
    ) -> tuple[RunRecord, ...]:
        return await self._journal.cancel(tenant, run_ids, now=now)

    @override
    async def resume(
        self, tenant: str, run_ids: Sequence[str], *, now: datetime, seconds: float | None
    ) -> tuple[RunRecord, ...]:
        return await self._journal.resume(tenant, run_ids, now=now, seconds=seconds)

    @override
    async def send(self, tenant: str, signals: Sequence[Signal]) -> tuple[bool, ...]:
        return await self._journal.send(tenant, signals)

    @override
    async def read_signals(self, tenant: str, run_id: str) -> tuple[Signal, ...]:
        return await self._journal.read_signals(tenant, run_id)

    @override
    async def find_receipts(self, tenant: str, keys: Sequence[str]) -> tuple[Receipt, ...]:
        return await self._journal.find_receipts(tenant, keys)

    @override
    async def find_unsettled(
        self, tenant: str, *, run_id: str | None = None, limit: int = 1000
    ) -> tuple[Effect, ...]:
        return await self._journal.find_unsettled(tenant, run_id=run_id, limit=limit)

    @override
    async def get_answers(self, tenant: str, keys: Sequence[str]) -> Mapping[str, ChatAnswer]:
        return await self._journal.get_answers(tenant, keys)

    @override
    async def put_answers(
        self, tenant: str, answers: Mapping[str, ChatAnswer], *, now: datetime
    ) -> Mapping[str, ChatAnswer]:
        return await self._journal.put_answers(tenant, answers, now=now)
