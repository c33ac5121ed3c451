"""The workflows of crash tests; their steps ask and write where every call is counted."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from crash_life import Life, Trace, read_trace
from crash_world import EXAMPLE, LARGE, ask

from codeflow_engine import AsyncEngine, hookimpl
from codeflow_engine.domain.chat import ChatAnswer
from codeflow_engine.domain.effect import Effect, EffectKind
from codeflow_engine.errors import ProviderUnavailableError
from codeflow_engine.pace.retry import Retry
from codeflow_engine.plugins.registry import PluginRegistry
from codeflow_engine.runs.context import RunContext
from codeflow_engine.runs.workflow import workflow_of
from codeflow_engine.workflows.review import review
from codeflow_engine.workflows.review_input import ReviewInput

__all__ = ["Author", "Keeping", "effect_key"]

QUESTIONS = ("hunk-1", "hunk-2", "hunk-3")


def effect_key(target: str, kind: str, head: str, content: str) -> str:
    """Give the key of an effect, which is the same in any run."""
    return sha256(f"{target}\0{kind}\0{head}\0{content}".encode()).hexdigest()[:32]


class Author:
    """Somebody who writes workflows, and knows the life that they are executed in."""

    def __init__(self, life: Life, trace: Trace) -> None:
        self._life = life
        self._trace = trace

    def register(self, engine: AsyncEngine) -> None:
        """Offer all workflows to an engine, each under the name of its function."""
        for function in (
            self.inspect,
            self.read,
            self.ask_often,
            self.write,
            self.nap,
            self.wait,
            self.family,
            self.poison,
            self.block,
            self.stubborn,
            self.hold,
        ):
            engine.workflow(function.__name__, version=1)(function)

    async def inspect(self, ctx: RunContext, given: dict[str, Any]) -> dict[str, Any]:
        """Review the example, ask the model about three pieces of it, and publish it all."""
        judged = await review(ctx, ReviewInput.read({"change": EXAMPLE}))
        answers = await ctx.together(self._answered(ctx, key) for key in QUESTIONS)
        head = judged.change.head or ""
        told = [answer.text for answer in answers] + [judged.outcome.value]
        kinds = ("review", "summary", "check", "label")
        planned = [_effect(kind, head, text) for kind, text in zip(kinds, told, strict=True)]
        for effect in planned:
            await ctx.effect(effect)
        await ctx.collapse(planned)
        return {"outcome": judged.outcome.value, "findings": len(judged.findings)}

    async def read(self, ctx: RunContext, given: dict[str, Any]) -> dict[str, Any]:
        """Review a change of several chunks with the model."""
        judged = await review(ctx, ReviewInput.read({"change": LARGE}))
        found = sorted(
            f"{one.path}:{one.line} {', '.join(one.sources)} {one.suggestion is not None}"
            for one in judged.findings
        )
        return {"outcome": judged.outcome.value, "findings": found}

    async def _answered(self, ctx: RunContext, key: str) -> ChatAnswer:
        answer = await ctx.step("ask", self.ask_once, ctx, key, f"{key} of {EXAMPLE}", key=key)
        self._trace.note("has", f"ask {key}")
        return answer

    async def ask_once(self, ctx: RunContext, key: str, question: str) -> ChatAnswer:
        """Ask the model, unless its answer is there: the answers are records of their own."""
        self._trace.note("body", f"ask {key}")
        journal = ctx.tools.journal
        known = await journal.get_answers(ctx.tenant, [key])
        if key in known:
            return known[key]
        self._trace.note("asks", key)
        answer = await ask(self._life, key, question)
        self._trace.point("model.answered")
        if self._life.flaw == "forgets":
            self._trace.note("keeps", key)
            self._trace.point("model.kept")
            return answer
        kept = await journal.put_answers(ctx.tenant, {key: answer}, now=ctx.tools.clock.now())
        self._trace.note("keeps", key)
        self._trace.point("model.kept")
        return kept[key]

    async def ask_plainly(self, key: str) -> str:
        """Ask the model, and keep the answer nowhere but in the step."""
        self._trace.note("body", f"ask {key}")
        return (await ask(self._life, key, key)).text

    async def ask_often(self, ctx: RunContext, given: dict[str, Any]) -> list[str]:
        """Ask `count` questions one after the other, each in a step that may be tried again."""
        answers = []
        for number in range(given["count"]):
            key = f"{given.get('of', 'q')}-{number}"
            retry = Retry(attempts=given.get("attempts", 1), first=given.get("pause", 0.05))
            answers.append(
                await ctx.step(
                    "ask", self.ask_plainly, key, retry=retry, timeout=given.get("timeout")
                )
            )
        return answers

    async def write(self, ctx: RunContext, given: dict[str, Any]) -> list[str]:
        """Write `count` effects of one kind."""
        planned = [
            _effect("label", "h" * 40, f"{given.get('of', 'text')} {number}")
            for number in range(given["count"])
        ]
        receipts = [await ctx.effect(effect) for effect in planned]
        await ctx.collapse(planned)
        return [receipt.external_id for receipt in receipts]

    async def nap(self, ctx: RunContext, given: dict[str, Any]) -> str:
        """Ask, sleep for a while, and ask again."""
        await ctx.step("ask", self.ask_plainly, "before")
        await ctx.sleep(given["seconds"])
        return await ctx.step("ask", self.ask_plainly, "after")

    async def wait(self, ctx: RunContext, given: dict[str, Any]) -> Any:
        """Receive a signal, and ask what it says."""
        told = await ctx.receive("go", timeout=given.get("timeout"))
        return await ctx.step("ask", self.ask_plainly, str(told))

    async def family(self, ctx: RunContext, given: dict[str, Any]) -> list[Any]:
        """Run children at the same time."""
        return [
            *await ctx.together(
                ctx.child("ask_often", {"count": 2, "of": f"child-{number}"}, key=str(number))
                for number in range(given["count"])
            )
        ]

    async def poison(self, ctx: RunContext, given: dict[str, Any]) -> str:
        """Kill the process, unless a file says that the cause is gone."""
        return await ctx.step("swallow", self.swallow, given["cure"])

    async def swallow(self, cure: str) -> str:
        """Die, or live where the cure is there."""
        self._trace.note("body", "swallow")
        if not await asyncio.to_thread(Path(cure).exists):
            os.kill(os.getpid(), signal.SIGKILL)
        return "cured"

    async def block(self, ctx: RunContext, given: dict[str, Any]) -> str:
        """Hold up the loop, as a step does whose author forgot that it is one."""
        await ctx.step("block", self.block_loop, given["seconds"])
        return await ctx.step("ask", self.ask_plainly, "after")

    async def block_loop(self, seconds: float) -> str:
        """Sleep on the loop."""
        self._trace.note("body", "block")
        time.sleep(seconds)  # noqa: ASYNC251 - that is the fault
        return "done"

    async def stubborn(self, ctx: RunContext, given: dict[str, Any]) -> str:
        """Fail `times` times, each time in a way that passes after `pause` seconds."""
        retry = Retry(attempts=given["times"] + 1)
        return await ctx.step("fail", self.fail_first, given["times"], given["pause"], retry=retry)

    async def fail_first(self, times: int, pause: float) -> str:
        """Fail as often as that, in all lives together."""
        self._trace.note("body", "fail")
        if sum(line.of == "fail" for line in read_trace(self._life.trace)) <= times:
            # Asked for, since a pause that is drawn by chance may be none.
            raise ProviderUnavailableError("not yet", retry_after=pause)
        return "done"

    async def hold(self, ctx: RunContext, given: dict[str, Any]) -> str:
        """Hold a place for a while, and tell when it was taken and given back."""
        return await ctx.step("hold", self.hold_place, ctx.run_id, given)

    async def hold_place(self, run_id: str, given: Mapping[str, Any]) -> str:
        """Take a place, and give it back."""
        self._trace.note("takes", f"{given.get('of', '')} {run_id}", os.getpid())
        await asyncio.sleep(given["seconds"])
        self._trace.note("gives", f"{given.get('of', '')} {run_id}", os.getpid())
        return "done"


class Keeping:
    """A plugin whose workflow holds a place of a partition."""

    def __init__(self, author: Author) -> None:
        self._author = author

    @hookimpl
    def codeflow_register(self, registry: PluginRegistry) -> None:
        made = workflow_of(self._author.hold, name="keep", version=1)
        kept = replace(made, partition=lambda given: str(given["of"]))
        registry.add_workflow("keep", kept)


def _effect(kind: str, head: str, text: str) -> Effect:
    return Effect(
        key=effect_key(EXAMPLE, EffectKind(kind), head, text),
        kind=EffectKind(kind),
        target=EXAMPLE,
        head=head,
        payload={"text": text},
    )
