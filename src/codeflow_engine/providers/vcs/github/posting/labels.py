"""Labels of a pull request: those that are to be there are, and ours that are not are gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar, Final, override
from urllib.parse import quote, unquote

from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.providers.vcs.github.posting.entries import field, is_by, receipt
from codeflow_engine.providers.vcs.github.posting.payloads import LabelPayload, read
from codeflow_engine.providers.vcs.github.posting.poster import Poster
from codeflow_engine.providers.vcs.github.posting.pull import Pull

__all__ = ["Labels"]

_NEEDS: Final = "pull_requests: write"


class Labels(Poster):
    """Sets labels. One that somebody else has put there is never taken off."""

    prefixes: ClassVar[tuple[str, ...]] = ("labels",)

    @override
    async def find(self, pull: Pull, effects: Sequence[Effect]) -> list[Receipt]:
        there = await self._there(pull)
        found = []
        for effect in effects:
            payload = read(LabelPayload, effect.payload)
            missing = {_same(name) for name in payload.add} - there
            too_many = await self._ours(pull, {_same(name) for name in payload.remove} & there)
            if not missing and not too_many:
                found.append(_receipt(effect, payload, found=True))
        return found

    @override
    async def write(self, pull: Pull, effect: Effect) -> Receipt:
        payload = read(LabelPayload, effect.payload)
        there = await self._there(pull)
        kept = {_same(name) for name in payload.add}
        await self._take_off(pull, {_same(name) for name in payload.remove} - kept, there)
        if missing := [name for name in payload.add if _same(name) not in there]:
            # GitHub makes those that the repository does not have.
            await pull.send("POST", f"{pull.issue}/labels", {"labels": missing}, needs=_NEEDS)
        return _receipt(effect, payload, found=False)

    @override
    async def take_back(self, pull: Pull, receipt: Receipt, name: str) -> None:
        names = {_same(unquote(one)) for one in name.split(",") if one}
        await self._take_off(pull, names, await self._there(pull))

    async def _take_off(self, pull: Pull, names: set[str], there: set[str]) -> None:
        for name in sorted(await self._ours(pull, names & there)):
            await pull.remove(f"{pull.issue}/labels/{quote(name, safe='')}", needs=_NEEDS)

    async def _there(self, pull: Pull) -> set[str]:
        return {
            _same(str(field(entry, "name"))) for entry in await pull.list(f"{pull.issue}/labels")
        }

    async def _ours(self, pull: Pull, names: set[str]) -> set[str]:
        """Give which of these labels were put there by us, last."""
        if not names:
            return set()
        author, ours = await pull.whoami(), dict[str, bool]()
        for entry in await pull.list(f"{pull.issue}/events"):
            if field(entry, "event") == "labeled":
                name = _same(str(field(entry, "label", "name")))
                ours[name] = is_by(author, entry, "actor")
        return {name for name in names if ours.get(name)}


def _same(name: str) -> str:
    """Give what two names of one label have in common."""
    return name.lower()


def _receipt(effect: Effect, payload: LabelPayload, *, found: bool) -> Receipt:
    names = ",".join(quote(name, safe="") for name in payload.add)
    return receipt(effect, f"labels:{names}", datetime.now(UTC), found=found)
