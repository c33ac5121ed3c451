"""What an engine asks of its storage: many at once in one call, in time, and looked at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from codeflow_engine.domain.journal import Claim, Submission
from codeflow_engine.domain.run import RunRecord
from codeflow_engine.domain.shape import is_sound
from codeflow_engine.errors import StorageError
from codeflow_engine.runs.batches import Batches, check_answers, in_time
from codeflow_engine.runs.writer import Sending

if TYPE_CHECKING:
    from codeflow_engine.runs.toolbox import Toolbox

__all__ = ["Asking", "sound_records"]


def sound_records(answer: Any) -> Sequence[RunRecord]:
    """Give the records that a storage has answered with.

    Raises:
        StorageError: They are none.
    """
    return _sound(answer, RunRecord)


class Asking:
    """The calls about runs that come in numbers.

    Args:
        tools: What the engine works with.
        worker: Who claims.
        renew: Takes a lease for that worker.
    """

    def __init__(self, tools: Toolbox, worker: str, renew: Callable[[], Awaitable[None]]) -> None:
        self._tools = tools
        self._renew = renew
        self._tenant = tools.settings.tenant
        self._worker = worker
        journal, seconds = tools.journal, tools.settings.finish_timeout
        self.submissions: Batches[Submission, RunRecord] = Batches(
            journal.submit, seconds=seconds, is_answer=_is_record
        )
        self.looks: Batches[str, RunRecord | None] = Batches(self._find, seconds=seconds)
        self.claims: Batches[str, Claim | None] = Batches(self._claim, seconds=seconds)
        self.writes: Batches[Sending, bool] = Batches(self._write, seconds=seconds)

    async def idle(self) -> None:
        """Wait until everything that was asked for is answered."""
        for batches in (self.submissions, self.claims, self.writes, self.looks):
            await batches.idle()

    async def cancel(self, run_ids: Sequence[str]) -> Sequence[RunRecord]:
        """Ask for the end of runs and of all that they started, and give them all.

        Raises:
            StorageError: It could not be asked for.
        """
        now = self._tools.clock.now()
        asked = self._tools.journal.cancel(self._tenant, run_ids, now=now)
        records = sound_records(await in_time(asked, self._tools.settings.finish_timeout))
        if lost := set(run_ids) - {record.run_id for record in records}:
            raise StorageError(f"the storage says nothing of run {min(lost)}")
        return records

    async def _find(self, run_ids: Sequence[str]) -> Sequence[RunRecord | None]:
        wanted = list(dict.fromkeys(run_ids))
        answer = await self._tools.storage.get_runs(self._tenant, wanted)
        found = {record.run_id: record for record in sound_records(answer)}
        return [found.get(run_id) for run_id in run_ids]

    async def _claim(self, run_ids: Sequence[str]) -> Sequence[Claim | None]:
        try:
            return await self._claim_once(run_ids)
        except StorageError as error:
            if error.retryable:
                raise
            # A worker that stood still for longer than its lease takes a new one.
            await self._renew()
            return await self._claim_once(run_ids)

    async def _claim_once(self, run_ids: Sequence[str]) -> Sequence[Claim | None]:
        answer = await self._tools.journal.claim(
            self._tenant,
            self._worker,
            run_ids=list(dict.fromkeys(run_ids)),
            now=self._tools.clock.now(),
            limits=self._tools.settings.limits,
        )
        found = {claim.record.run_id: claim for claim in _sound(answer, Claim)}
        # One that was asked for twice is executed once.
        return [found.pop(run_id, None) for run_id in run_ids]

    async def _write(self, sendings: Sequence[Sending]) -> Sequence[bool]:
        try:
            answer = await self._tools.journal.write([one.make() for one in sendings])
            check_answers(answer, len(sendings), lambda one: isinstance(one, bool))
        except BaseException:
            # At once: the next call may be on its way before anybody hears of this one.
            for one in sendings:
                one.give_back()
            raise
        for one, is_written in zip(sendings, answer, strict=True):
            one.accept(is_written=is_written)
        return answer


def _is_record(answer: object) -> bool:
    return isinstance(answer, RunRecord) and is_sound(answer)


def _sound[T](answer: Any, kind: type[T]) -> Sequence[T]:
    # Storages are plugins: what is wrong with an answer is to be heard here, and not where
    # nobody waits for it any more.
    if isinstance(answer, list | tuple) and all(
        isinstance(one, kind) and is_sound(one) for one in answer
    ):
        return answer
    raise StorageError(f"the storage has answered with something else than {kind.__name__}s")
