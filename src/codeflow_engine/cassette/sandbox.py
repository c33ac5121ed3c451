"""The sandbox on a tape: its rung, which a review tells, and what the stages of a review run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, override

from codeflow_engine.cassette.entry import Call
from codeflow_engine.cassette.tape import LIVE, Tape
from codeflow_engine.domain.encoding import to_plain
from codeflow_engine.sandbox import Completed, Isolation, Limits, Sandbox

__all__ = ["TapedSandbox"]

_DEFAULT: Final = Limits()


class TapedSandbox(Sandbox):
    """A sandbox whose rung is on a tape, and Python programs that read nothing but their input.

    What hosts and analyzers run is left out: a replay does not ask them. So is what was handed
    paths, whose content nobody knows afterwards.

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

    @override
    async def run_python(
        self,
        module: str,
        *args: str,
        stdin: bytes | Path | None = None,
        limits: Limits = _DEFAULT,
        env: Mapping[str, str] | None = None,
        readable: Sequence[Path] = (),
        writable: Sequence[Path] = (),
        check: bool = False,
    ) -> Completed:
        async def live() -> Completed:
            return await run(
                module,
                *args,
                stdin=stdin,
                limits=limits,
                env=env,
                readable=readable,
                writable=writable,
                check=check,
            )

        run = super().run_python
        if LIVE.get() or readable or writable or isinstance(stdin, Path):
            return await live()
        call = await asyncio.to_thread(self._program, module, args, stdin or b"")
        done: Completed = await self._tape.ask(call, Completed, live)
        return done

    def _program(self, module: str, args: Sequence[str], stdin: bytes) -> Call:
        redactor = self._tape.redactor
        asked = {"args": [*args], "stdin": sha256(redactor.scrub(stdin)).hexdigest()}
        return Call(
            kind="sandbox", name=module, method="run_python", asked=redactor.scrub(to_plain(asked))
        )
