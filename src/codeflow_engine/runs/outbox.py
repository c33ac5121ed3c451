"""The way of effects to the outside: written down, looked for, delivered, and settled.

A process may end at any moment, also between the write outside and the receipt here. So an
effect is looked for before each try, by a key that is the same in every run, and what was
found is as good as what was written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from codeflow_engine.contracts import VCS, VCSCapability
from codeflow_engine.domain.effect import Effect, EffectKind, Receipt
from codeflow_engine.errors import LeaseLostError, PublishError
from codeflow_engine.pace.retry import Retry
from codeflow_engine.runs import codec
from codeflow_engine.runs.history import Place
from codeflow_engine.runs.ledger import Ledger
from codeflow_engine.runs.waiting import Waits
from codeflow_engine.runs.writer import Writer

if TYPE_CHECKING:
    from codeflow_engine.runs.toolbox import Toolbox

__all__ = ["DELIVERY", "Outbox"]

DELIVERY: Final = Retry(attempts=4, first=1.0, most=30.0)
"""For failures of a host that say of themselves that they may pass."""


class Outbox:
    """Delivers the effects of one execution."""

    def __init__(self, tools: Toolbox, ledger: Ledger, writer: Writer, waits: Waits) -> None:
        self._tools = tools
        self._ledger = ledger
        self._writer = writer
        self._waits = waits

    async def deliver(self, effect: Effect, place: Place, vcs: VCS) -> Receipt:
        """See to it that an effect stands outside, once; and write down its receipt.

        Nothing that is a secret is written outside, or here. Where the host asks for a long
        pause, the run is put aside for so long.

        Raises:
            ProviderError: The host failed, and it is not known to stand there.
            PublishError: It is a commit that holds a secret.
        """
        scrub = self._tools.redactor.scrub
        loop = asyncio.get_running_loop()
        payload = await loop.run_in_executor(self._tools.threads, scrub, effect.payload)
        if effect.kind is EffectKind.COMMIT and payload != effect.payload:
            error = PublishError(
                f"the commit for {effect.target} holds a secret that the engine is configured "
                "with: it is written nowhere, and not changed either"
            )
            await self._ledger.fail(place, error)
            raise error
        effect = replace(effect, payload=payload)
        await self._writer.write(effects=[effect])
        await self._ledger.reach("effect.planned")
        try:
            receipt = await self._patiently(effect, place, vcs)
        except Exception as error:
            await self._ledger.fail(place, error)
            raise
        data = codec.encode(receipt, Receipt)
        try:
            await self._whole(self._ledger.finish(place, data, receipts=[receipt]))
        except LeaseLostError:
            # Whoever took the run over may have written it while this worker stood still.
            await self._whole(self.collapse([effect], vcs))
            raise
        await self._ledger.reach("effect.settled")
        return receipt

    async def collapse(self, effects: Sequence[Effect], vcs: VCS) -> int:
        """Take back what stands twice; of equal effects the first one stays.

        Returns:
            How many were taken back.
        """
        targets = {effect.key: effect.target for effect in effects}
        found = await vcs.find_effects(effects)
        first: dict[str, Receipt] = {}
        # What a host tells of twice stands there once.
        each = {(one.key, one.external_id): one for one in found}.values()
        in_order = sorted(each, key=lambda one: (one.at, one.external_id))
        twice = [one for one in in_order if first.setdefault(one.key, one) is not one]
        for receipt in twice:
            target = targets[receipt.key]
            if VCSCapability.WITHDRAW in vcs.capabilities:
                await vcs.withdraw(target, receipt)
            else:
                self._tools.log.warning(
                    "an effect stands twice", target=target, external_id=receipt.external_id
                )
        return len(twice)

    async def _patiently(self, effect: Effect, place: Place, vcs: VCS) -> Receipt:
        record = place.record
        if record is not None and record.wake_at is not None:
            await self._waits.wait(record.wake_at)

        async def rest(attempts: int, seconds: float, error: BaseException) -> None:
            wake_at = self._tools.clock.now() + timedelta(seconds=seconds)
            written = self._ledger.written(error)
            await self._ledger.begin(place, attempts=attempts, wake_at=wake_at, error=written)
            await self._waits.wait(wake_at)

        begun = record.attempts if record else 0
        clock = self._tools.clock
        # Looked for before each try.
        return await DELIVERY.go(clock, self._look_and_write, effect, vcs, begun=begun, rest=rest)

    async def _look_and_write(self, effect: Effect, vcs: VCS) -> Receipt:
        found = await vcs.find_effects([effect])
        if found:
            return found[0]
        await self._ledger.reach("effect.looked")
        # A worker that was taken for dead must not write: its claim is looked at last.
        await self._writer.write()
        receipt = await self._whole(vcs.deliver(effect))
        await self._ledger.reach("effect.delivered")
        return receipt

    async def _whole[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for work to its end, also where the run is stopped meanwhile; not for ever."""
        task = asyncio.create_task(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task], timeout=self._tools.settings.finish_timeout)
            if not task.done() or task.cancelled():
                task.cancel()
                raise
            return task.result()
