"""Ends threads of ours whose findings are mended or dismissed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar, Final, override

from codeflow_engine.domain.discussion import Thread
from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.errors import PublishError
from codeflow_engine.providers.vcs.github.posting import threads
from codeflow_engine.providers.vcs.github.posting.entries import receipt
from codeflow_engine.providers.vcs.github.posting.payloads import ResolutionPayload, read
from codeflow_engine.providers.vcs.github.posting.poster import Poster
from codeflow_engine.providers.vcs.github.posting.pull import Pull

__all__ = ["Resolutions"]

_RESOLVE: Final = """
mutation Resolve($id: ID!) {
  resolveReviewThread(input: {threadId: $id}) { thread { id isResolved } }
}
"""
_UNRESOLVE: Final = """
mutation Unresolve($id: ID!) {
  unresolveReviewThread(input: {threadId: $id}) { thread { id isResolved } }
}
"""


class Resolutions(Poster):
    """Resolves threads; those of others, whatever a plan says of them, are left alone."""

    prefixes: ClassVar[tuple[str, ...]] = ("threads",)

    @override
    async def find(self, pull: Pull, effects: Sequence[Effect]) -> list[Receipt]:
        known = await self._known(pull)
        found = []
        for effect in effects:
            payload = read(ResolutionPayload, effect.payload)
            # One that is gone has nothing left to resolve.
            ends = [known[one.id] for one in payload.threads if one.id in known]
            if all(one.is_resolved for one in ends):
                found.append(_receipt(effect, payload, found=True))
        return found

    @override
    async def write(self, pull: Pull, effect: Effect) -> Receipt:
        payload = read(ResolutionPayload, effect.payload)
        known = await self._known(pull)
        for one in payload.threads:
            thread = known.get(one.id)
            if thread is not None and thread.fingerprint != one.fingerprint:
                raise PublishError(
                    f"a thread of {pull.target.text} that was to be resolved is not about the "
                    "finding that the plan names; nothing was resolved"
                )
        for one in payload.threads:
            if one.id in known and not known[one.id].is_resolved:
                await pull.mutate(_RESOLVE, {"id": one.id})
        return _receipt(effect, payload, found=False)

    @override
    async def take_back(self, pull: Pull, receipt: Receipt, name: str) -> None:
        author = await pull.whoami()
        known = await self._known(pull)
        for one in filter(None, name.split(",")):
            thread = known.get(one)
            if thread is None or thread.fingerprint is None or thread.resolved_by is None:
                continue
            if thread.resolved_by.login.lower() == author.login.lower():
                await pull.mutate(_UNRESOLVE, {"id": one})

    async def _known(self, pull: Pull) -> dict[str, Thread]:
        found = await threads.read_threads(pull, ask_rights=False)
        return {one.id: one for one in found}


def _receipt(effect: Effect, payload: ResolutionPayload, *, found: bool) -> Receipt:
    told = f"threads:{','.join(one.id for one in payload.threads)}"
    return receipt(effect, told, datetime.now(UTC), found=found)
