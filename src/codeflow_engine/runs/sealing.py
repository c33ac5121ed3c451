"""A journal that stores no configured secret: they are put back when a run goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, override

from codeflow_engine.contracts import Journal
from codeflow_engine.domain.journal import (
    Claim,
    RunLimits,
    RunWrite,
    Signal,
    StepRecord,
    Submission,
)
from codeflow_engine.domain.run import RunRecord
from codeflow_engine.errors import SerializationError
from codeflow_engine.redaction import MARK, Redactor
from codeflow_engine.runs.passing import PassingJournal

__all__ = ["SealedJournal"]

_SMALL: Final = 64 * 1024
"""Bytes that are looked through in less time than the way to a thread and back takes."""


_SEALED: Final = "$sealed"
"""The only key of what stands in the place of a signal's value that holds a secret."""


class SealedJournal(PassingJournal):
    """Seals the inputs of runs, the values of their steps and signals, and their results.

    All of them may quote what was asked for or is under review, secrets included, and a run has
    to go on with the very same. What tells of them (records, events, errors) is redacted
    before it comes here. An engine without secrets seals nothing, and opens nothing.

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
        if not self._redactor.has_secrets:
            return claims
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
        if self._redactor.has_secrets:
            writes = [await self._sealed(write) for write in writes]
        return await self._journal.write(writes)

    @override
    async def read_steps(
        self, tenant: str, run_id: str, *, values: bool = False
    ) -> tuple[StepRecord, ...]:
        return self._opened(await self._journal.read_steps(tenant, run_id, values=values))

    @override
    async def read_results(self, tenant: str, run_ids: Sequence[str]) -> Mapping[str, bytes]:
        found = await self._journal.read_results(tenant, run_ids)
        return {run_id: self._open(result) for run_id, result in found.items()}

    @override
    async def send(self, tenant: str, signals: Sequence[Signal]) -> tuple[bool, ...]:
        sealed = [replace(one, value=await self._seal_plain(one.value)) for one in signals]
        return await self._journal.send(tenant, sealed)

    @override
    async def read_signals(self, tenant: str, run_id: str) -> tuple[Signal, ...]:
        signals = await self._journal.read_signals(tenant, run_id)
        return tuple([replace(one, value=self._open_plain(one.value)) for one in signals])

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

    async def _seal_plain(self, value: Any) -> Any:
        """Seal plain JSON data; what holds no secret stays as it is."""
        data = json.dumps(value, ensure_ascii=False).encode()
        sealed = await self._seal(data)
        if sealed == data and not _is_sealed(value):
            return value
        return {_SEALED: sealed.decode()}

    def _open_plain(self, value: Any) -> Any:
        if not _is_sealed(value):
            return value
        data = self._open(value[_SEALED].encode())
        if data.startswith(MARK):
            raise SerializationError(
                "a signal holds a secret that this engine is not configured with: whoever had "
                "it when the signal was sent can go on with the run"
            )
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise SerializationError("a stored signal is damaged: no JSON") from None

    def _open(self, data: bytes) -> bytes:
        # Nothing but the beginning is looked at, where nothing was sealed.
        return self._redactor.unseal(data)


def _is_sealed(value: Any) -> bool:
    return isinstance(value, dict) and [*value] == [_SEALED] and isinstance(value[_SEALED], str)
