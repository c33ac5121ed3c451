"""The backends of a crash test: they speak with servers that no kill of a worker reaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, ClassVar

from crash_http import call
from crash_life import Life, Trace

from codeflow_engine.contracts import VCS, Analysis, Analyzer, AnalyzerReport, VCSCapability
from codeflow_engine.domain.change import Change, ChangeRequest, FileContent
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, FinishReason
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.domain.finding import Category, RawFinding, Severity
from codeflow_engine.domain.usage import CallUsage
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.examples import Example, ExampleFile, named
from codeflow_engine.testing.fakes import FakeHost, FakeLLM, Reviewer

__all__ = ["EXAMPLE", "LARGE", "HttpForge", "HttpModel", "Reader", "ask"]

EXAMPLE = "edit"
LARGE = "large-edit"
"""A change of several chunks, where a life's settings have small ones."""


def _large() -> Example:
    before = "".join(f"def step_{at}(order):\n    return order.price_{at}\n\n\n" for at in range(6))
    after = before.replace("order.price_3", "run(order, shell=True)")
    names = [f"shop/part_{at}.py" for at in range(5)]
    base, head = ExampleFile.of(before), ExampleFile.of(after)
    return Example(name=LARGE, base=dict.fromkeys(names, base), head=dict.fromkeys(names, head))


class HttpForge(VCS):
    """A forge over HTTP, which takes what it is given and refuses no double.

    Args:
        life: Whose it is.
        trace: Where it arrives at points of its own.
    """

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset(
        {VCSCapability.PUBLISH, VCSCapability.WITHDRAW}
    )

    def __init__(self, life: Life, trace: Trace) -> None:
        self._life = life
        self._trace = trace
        self._host = FakeHost(named(EXAMPLE), _large())

    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        self._trace.note("body", "fetch")
        return self._host.change(request)

    async def read_files(
        self, change: Change, paths: Sequence[str], *, side: Side, limit: int, sandbox: Sandbox
    ) -> tuple[FileContent, ...]:
        revision = change.base if side is Side.OLD else change.head
        return tuple(self._host.file(revision, path, limit=limit) for path in paths)

    async def find_effects(self, effects: Sequence[Effect]) -> tuple[Receipt, ...]:
        keys = [effect.key for effect in effects]
        posts = await self._ask("/find", target=effects[0].target, keys=keys)
        if self._life.flaw == "blind":
            return ()
        return tuple(
            _receipt(post, found=True) for key in keys for post in posts if post["key"] == key
        )

    async def deliver(self, effect: Effect) -> Receipt:
        for receipt in await self.find_effects([effect]):
            return receipt
        self._trace.point("forge.looked")
        post = await self._ask(
            "/write", target=effect.target, key=effect.key, head=effect.head, kind=effect.kind
        )
        self._trace.point("forge.wrote")
        return _receipt(post, found=False)

    async def withdraw(self, target: str, receipt: Receipt) -> None:
        await self._ask("/withdraw", number=int(receipt.external_id))

    async def _ask(self, path: str, **body: Any) -> Any:
        return await call(self._life.forge, path, {"world": self._life.world, **body})


def _receipt(post: dict[str, Any], *, found: bool) -> Receipt:
    at = datetime.fromtimestamp(post["at"], UTC)
    return Receipt(key=post["key"], external_id=str(post["number"]), found=found, at=at)


class Reader(Analyzer):
    """An analyzer without a process of its own: it finds one thing in the example."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        self._trace.note("body", "analyze")
        finding = RawFinding(
            rule="shell",
            severity=Severity.HIGH,
            category=Category.SECURITY,
            title="A shell",
            message="Call the program.",
            path="shop/till.py",
            quote="shell=True",
        )
        return AnalyzerReport(findings=(finding,), examined=analysis.units)


class HttpModel(FakeLLM):
    """A model that reads changes, and is paid in another process for each question."""

    def __init__(self, life: Life, trace: Trace) -> None:
        super().__init__(Reviewer({"shell": "shell=True"}, edits={"shell": "shell=False"}))
        self._life = life
        self._trace = trace

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        question = "\0".join(message.text for message in request.messages)
        key = sha256(question.encode()).hexdigest()[:16]
        self._trace.note("asks", key)
        await ask(self._life, key, key)
        self._trace.point("model.answered")
        return replace(await super().complete(request), response_id=key)


async def ask(life: Life, key: str, question: str) -> ChatAnswer:
    """Ask the model, which is paid for it."""
    body = {"world": life.world, "key": key, "question": question}
    said = await call(life.model, "/ask", body)
    usage = CallUsage(calls=1, input_tokens=said["tokens"], output_tokens=1)
    return ChatAnswer(text=said["text"], finish_reason=FinishReason.STOP, model="m", usage=usage)
