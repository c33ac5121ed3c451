"""The suite of LLM providers: its fixtures, and its tests by what they look at."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import ClassVar

import pytest

from codeflow_engine.contracts import LLM, LLMCapability
from codeflow_engine.testing.contracts.backend import BackendContract, another, pass_over
from codeflow_engine.testing.contracts.llm.answering import AnswerTests
from codeflow_engine.testing.contracts.llm.asking import Replying
from codeflow_engine.testing.contracts.llm.failing import FailureTests
from codeflow_engine.testing.contracts.llm.guarding import GuardTests
from codeflow_engine.testing.contracts.llm.replies import Reply, ReplyKind, Wire
from codeflow_engine.testing.contracts.llm.stopping import StopTests

__all__ = ["LLMContract"]


class LLMContract(AnswerTests, StopTests, FailureTests, GuardTests, BackendContract[LLM]):
    """What every LLM provider promises; see `codeflow_engine.contracts.LLM`.

    No test asks a real model. What a backend replies is said by one more fixture, `wire`:
    the other end of the provider's line. For a provider that is asked over HTTP, `HTTPWire`
    is a server that needs two methods:

    ```python
    class AcmeWire(HTTPWire):
        def create(self, url):
            return Acme("small", AcmeSettings(base_url=url, api_key=self.key, timeout=self.timeout))

        def write(self, reply, request):
            if reply.kind is ReplyKind.RATE_LIMITED:
                return HTTPReply.of_json({"error": reply.text}, status=429)
            ...


    class TestAcme(LLMContract):
        @pytest.fixture
        def create(self):
            return lambda: Acme("small", AcmeSettings(api_key="key"))

        @pytest.fixture
        def wire(self):
            return AcmeWire()
    ```

    Without it, a provider that has an `endpoint` is asked nothing, and most of its rules are
    told as unchecked. One whose `endpoint` is None is asked as `create` makes it, and has to
    answer; what no backend can do to it is skipped.

    One more fixture is optional: `keyless` returns a function that makes the provider without
    its key. Without it, the test of that is skipped.
    """

    contract: ClassVar[type[LLM]] = LLM
    capability: ClassVar[type[StrEnum] | None] = LLMCapability

    @pytest.fixture
    def wire(self) -> Wire | None:
        """Return the other end of the provider's line; whoever uses the suite may define it."""
        return None

    @pytest.fixture
    def keyless(self, request: pytest.FixtureRequest) -> Callable[[], LLM]:
        """Return what makes the provider without its key; who can, defines this one."""
        pass_over(
            request.node,
            "the fixture `keyless` is not defined, which returns what makes the provider "
            "without its key",
        )

    @pytest.fixture
    def replying(self, wire: Wire | None, backend: LLM, request: pytest.FixtureRequest) -> Replying:
        """Return what makes the provider, with a backend that gives these replies."""
        return _replying(self, wire, backend, request.node)

    @pytest.fixture
    def answering(
        self,
        wire: Wire | None,
        create: Callable[[], LLM],
        backend: LLM,
        request: pytest.FixtureRequest,
    ) -> Callable[[], AbstractAsyncContextManager[LLM]]:
        """Return what makes the provider so that it answers, whatever it says."""
        if wire is None and backend.endpoint is None:
            return lambda: another(create)
        connect = _replying(self, wire, backend, request.node)
        return lambda: connect(Reply(kind=ReplyKind.ECHO))


def _replying(suite: object, wire: Wire | None, backend: LLM, test: pytest.Item) -> Replying:
    if wire is None:
        if backend.endpoint is None:
            pass_over(test, "nothing but itself gives its answers: its `endpoint` is None")
        pytest.skip(
            f"{type(suite).__name__} does not define the fixture `wire`, which returns what "
            f"replies to the provider in place of {backend.endpoint}"
        )

    def connect(*replies: Reply) -> AbstractAsyncContextManager[LLM]:
        if unspoken := sorted({str(one.kind) for one in replies} - wire.speaks):
            pass_over(test, f"its `wire` does not speak {', '.join(unspoken)}")
        return wire.connect(*replies)

    return connect
