"""The sandbox on a tape: a review tells how well its analyzers were isolated."""

from __future__ import annotations

from typing import override

from codeflow_engine.cassette.entry import Call
from codeflow_engine.cassette.tape import Tape
from codeflow_engine.sandbox import Isolation, Sandbox

__all__ = ["TapedSandbox"]


class TapedSandbox(Sandbox):
    """A sandbox whose rung is on a tape.

    Args:
        tape: What goes through.
        prefer: As for `Sandbox`.
    """

    def __init__(self, tape: Tape, *, prefer: Isolation | None) -> None:
        super().__init__(prefer=prefer)
        self._tape = tape

    @override
    async def isolation(self) -> Isolation:
        rung: Isolation = await self._tape.ask(
            Call(kind="sandbox", name="", method="isolation"),
            Isolation,
            super().isolation,
            again=True,
        )
        return rung
