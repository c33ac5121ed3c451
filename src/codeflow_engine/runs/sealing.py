"""A journal that stores no configured secret: they are put back when a run goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime
from typing import Final, override

from codeflow_engine.contracts import Journal
from codeflow_engine.domain.journal import Claim, RunLimits, RunWrite, StepRecord, Submission
from codeflow_engine.domain.run import RunRecord
from codeflow_engine.redaction import Redactor
from codeflow_engine.runs.passing import PassingJournal

__all__ = ["SealedJournal"]

_SMALL: Final = 64 * 1024
"""Bytes that are looked through in less time than the way to a thread and back takes."""


class SealedJournal(PassingJournal):
    """Seals the inputs of runs, the values of their steps, and their results.

    All three may quote what was asked for or is under review, secrets included, and a run has
    to go on with the very same. What tells of them (records, events, errors) is redacted
    before it comes here.

    Args:
        journal: What keeps them.
        redactor: Knows the secrets.
        threads: Where large values are looked through.
    """

    def __init__(self, journal: Journal, redactor: Redactor, threads: Executor) -> None:
        super().__init__(journal)
        self._redactor = redactor
        self._threads = threads

    @override
    async def submit(self, runs: Sequence[Submission]) -> tuple[RunRecord, ...]:
        return await self._journal.submit(await self._submissions(runs))

    @override
    async def submit_within(
        self, transaction: object, runs: Sequence[Submission]
    ) -> tuple[RunRecord, ...]:
        return await self._journal.submit_within(transaction, await self._submissions(runs))

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
        claims = await super().claim(tenant, worker, run_ids=run_ids, now=now, limits=limits)
        return tuple(
            [
                replace(
                    claim,
                    payload=self._open(claim.payload),
                    steps=self._opened(claim.steps),
                )
                for claim in claims
            ]
        )

    @override
    async def write(self, writes: Sequence[RunWrite]) -> tuple[bool, ...]:
        return await self._journal.write([await self._sealed(write) for write in writes])

    @override
    async def read_steps(
        self, tenant: str, run_id: str, *, values: bool = False
    ) -> tuple[StepRecord, ...]:
        return self._opened(await self._journal.read_steps(tenant, run_id, values=values))

    @override
    async def read_results(self, tenant: str, run_ids: Sequence[str]) -> Mapping[str, bytes]:
        found = await self._journal.read_results(tenant, run_ids)
        return {run_id: self._open(result) for run_id, result in found.items()}

    async def _submissions(self, runs: Iterable[Submission]) -> list[Submission]:
        return [replace(one, payload=await self._seal(one.payload)) for one in runs]

    async def _sealed(self, write: RunWrite) -> RunWrite:
        steps = tuple(
            [
                step if step.value is None else replace(step, value=await self._seal(step.value))
                for step in write.steps
            ]
        )
        state = write.state
        if state is not None and state.result is not None:
            state = replace(state, result=await self._seal(state.result))
        return replace(write, steps=steps, state=state)

    def _opened(self, steps: Iterable[StepRecord]) -> tuple[StepRecord, ...]:
        return tuple(
            [
                step if step.value is None else replace(step, value=self._open(step.value))
                for step in steps
            ]
        )

    async def _seal(self, data: bytes) -> bytes:
        if len(data) <= _SMALL:
            return self._redactor.seal(data)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._redactor.seal, data)

    def _open(self, data: bytes) -> bytes:
        # Nothing but the beginning is looked at, where nothing was sealed.
        return self._redactor.unseal(data)
