"""The summary: one comment of ours in the conversation, which is edited from then on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final, override

from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.domain.marker import Marker
from codeflow_engine.providers.vcs.github.bodies import ROOM, cut, mark
from codeflow_engine.providers.vcs.github.posting.entries import (
    moment,
    number,
    our_marker,
    receipt,
)
from codeflow_engine.providers.vcs.github.posting.payloads import SummaryPayload, read
from codeflow_engine.providers.vcs.github.posting.poster import Poster
from codeflow_engine.providers.vcs.github.posting.pull import Pull

__all__ = ["Summaries"]

_KIND: Final = "summary"
_NEEDS: Final = "pull_requests: write"


class Summaries(Poster):
    """Writes the summary of a pull request. An edit sends no message to anybody."""

    prefixes: ClassVar[tuple[str, ...]] = ("comment",)

    @override
    async def find(self, pull: Pull, effects: Sequence[Effect]) -> list[Receipt]:
        ours = await self._ours(pull)
        if len({marker.key for _, marker in ours}) > 1:
            # Whoever wrote the second one ended before it was made one: that is still to be done.
            return []
        return [
            _receipt(effect, entry, found=True)
            for effect in effects
            for entry, marker in ours
            if marker.key == effect.key
        ]

    @override
    async def write(self, pull: Pull, effect: Effect) -> Receipt:
        payload = read(SummaryPayload, effect.payload)
        marker = Marker(kind=_KIND, key=effect.key)
        body = {"body": mark(cut(payload.body, ROOM), marker)}
        ours = await self._ours(pull)
        if not ours:
            made = await pull.send("POST", f"{pull.issue}/comments", body, needs=_NEEDS)
            # Whoever was as quick as we were has written another one; and a list may lag.
            ours = await self._ours(pull) or [(made, marker)]
        (first, standing), *others = ours
        if standing.key != effect.key:
            first = await pull.send("PATCH", _path(pull, number(first)), body, needs=_NEEDS)
        for entry, _ in others:
            await pull.remove(_path(pull, number(entry)), needs=_NEEDS)
        return _receipt(effect, first, found=False)

    @override
    async def take_back(self, pull: Pull, receipt: Receipt, name: str) -> None:
        path = _path(pull, name)
        entry = await pull.find(path, needs="pull_requests: read")
        marker = our_marker(await pull.whoami(), entry, _KIND)
        if marker is not None and marker.key == receipt.key:
            await pull.remove(path, needs=_NEEDS)

    async def _ours(self, pull: Pull) -> list[tuple[Any, Marker]]:
        """List the summaries of ours, the oldest first."""
        author = await pull.whoami()
        found = [
            (entry, marker)
            for entry in await pull.list(f"{pull.issue}/comments")
            if (marker := our_marker(author, entry, _KIND)) is not None
        ]
        return sorted(found, key=lambda one: number(one[0]))


def _path(pull: Pull, comment: int | str) -> str:
    return f"{pull.repository}/issues/comments/{comment}"


def _receipt(effect: Effect, entry: Any, *, found: bool) -> Receipt:
    at = moment(entry, "created_at")
    return receipt(effect, f"comment:{number(entry)}", at, found=found)
