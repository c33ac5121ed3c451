"""VCS hosts on a tape."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, override

from codeflow_engine.cassette.entry import Call
from codeflow_engine.cassette.originals import Originals, shape
from codeflow_engine.cassette.paths import portable
from codeflow_engine.cassette.tape import Tape
from codeflow_engine.contracts import VCS
from codeflow_engine.domain.change import Change, ChangeRequest, FileContent
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.discussion import Thread
from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.domain.encoding import to_plain
from codeflow_engine.domain.shape import is_sound
from codeflow_engine.errors import CassetteError, PluginError
from codeflow_engine.sandbox import Sandbox

__all__ = ["TapedVCS"]


class TapedVCS(VCS):
    """Stands in front of a host, or in its place.

    Args:
        name: Of the host.
        capabilities: What it can do.
        tape: What goes through.
        originals: Changes as the host gave them.
        host: Gives the host; called while recording alone.
    """

    def __init__(
        self,
        name: str,
        capabilities: frozenset[StrEnum],
        *,
        tape: Tape,
        originals: Originals,
        host: Callable[[], VCS],
    ) -> None:
        self.capabilities = capabilities  # type: ignore[misc] # as the host has them
        self._name = name
        self._tape = tape
        self._originals = originals
        self._host = host

    @override
    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        target = portable(request.target, self._tape.directory)
        asked = {"target": target, "base": request.base, "head": request.head}
        about = f"{target} {request.base or ''}..{request.head or ''}"
        given: list[Change] = []

        async def live() -> Change:
            change = await self._host().fetch_change(request, sandbox)
            if not is_sound(change):
                told = f"vcs {self._name!r} gave a {type(change).__name__} that is no change"
                raise PluginError(told)
            given.append(change)
            return change

        seen: Change = await self._tape.ask(self._call("fetch_change", about, asked), Change, live)
        if given:
            await asyncio.to_thread(self._keep, seen, given[0])
        return seen

    def _keep(self, seen: Change, original: Change) -> None:
        if seen is not original and shape(seen.diff) != shape(original.diff):
            raise CassetteError(
                "the change cannot be recorded: what counts as a secret stands in a path or a "
                "header of its diff, which have to stay as they are",
                path=self._name,
            )
        self._originals.keep(seen, original)

    @override
    async def read_files(
        self, change: Change, paths: Sequence[str], *, side: Side, limit: int, sandbox: Sandbox
    ) -> tuple[FileContent, ...]:
        if not paths:
            return ()
        digest = await asyncio.to_thread(self._originals.digest, change)
        asked = {"change": digest, "side": side.value, "limit": limit}
        calls = [
            self._call("read_files", f"{side.value} {path}", {**asked, "path": path})
            for path in paths
        ]
        given: list[FileContent] = []

        async def live() -> Sequence[FileContent]:
            original = self._originals.change(digest, change)
            given.extend(
                await self._host().read_files(
                    original, paths, side=side, limit=limit, sandbox=sandbox
                )
            )
            return given

        seen = await self._tape.ask_all(calls, FileContent, live, again=True)
        if given:
            self._originals.keep_files(digest, side, seen, given)
        return seen

    @override
    async def canonical(self, target: str) -> str:
        asked = portable(target, self._tape.directory)
        name: str = await self._tape.ask(
            self._call("canonical", asked, {"target": asked}),
            str,
            lambda: self._host().canonical(target),
        )
        return name

    @override
    async def read_head(self, target: str, sandbox: Sandbox) -> str | None:
        asked = portable(target, self._tape.directory)
        head: str | None = await self._tape.ask(
            self._call("read_head", asked, {"target": asked}),
            str | None,
            lambda: self._host().read_head(target, sandbox),
        )
        return head

    @override
    async def find_effects(self, effects: Sequence[Effect]) -> tuple[Receipt, ...]:
        target = effects[0].target if effects else ""
        asked = {"target": target, "keys": [effect.key for effect in effects]}
        found: tuple[Receipt, ...] = await self._tape.ask(
            self._call("find_effects", target, asked),
            tuple[Receipt, ...],
            lambda: self._host().find_effects(effects),
        )
        return found

    @override
    async def read_threads(self, target: str) -> tuple[Thread, ...]:
        threads: tuple[Thread, ...] = await self._tape.ask(
            self._call("read_threads", target, {"target": target}),
            tuple[Thread, ...],
            lambda: self._host().read_threads(target),
        )
        return threads

    @override
    async def deliver(self, effect: Effect) -> Receipt:
        about = f"{effect.kind.value} {effect.target}"
        receipt: Receipt = await self._tape.ask(
            self._call("deliver", about, {"effect": to_plain(effect)}),
            Receipt,
            lambda: self._host().deliver(effect),
        )
        return receipt

    @override
    async def withdraw(self, target: str, receipt: Receipt) -> None:
        asked = {"target": target, "receipt": to_plain(receipt)}
        await self._tape.ask(
            self._call("withdraw", target, asked),
            None,
            lambda: self._host().withdraw(target, receipt),
        )

    def _call(self, method: str, about: str, asked: Any) -> Call:
        redactor = self._tape.redactor
        return Call(
            kind="vcs",
            name=self._name,
            method=method,
            about=redactor.redact(to_plain(about)),
            asked=redactor.scrub(to_plain(asked)),
        )
