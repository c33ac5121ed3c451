"""The suite of LLM providers holds for every shipped one, and for the fake.

By default it runs on one of OpenAI's form and on Anthropic's; each wire has its faults tried in
`tests/llm_wires` always.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from llm_lines import Shipped

from codeflow_engine.contracts import LLM
from codeflow_engine.domain.chat import ChatRequest
from codeflow_engine.providers.llm.echo import Echo
from codeflow_engine.testing.contracts import LLMContract
from codeflow_engine.testing.fakes import FakeLLM
from codeflow_engine.testing.faults import FaultPlan, faulty


class TestAnthropic(Shipped):
    vendor = "messages"


@pytest.mark.fault
class TestOpenAIResponses(Shipped):
    vendor = "responses"


class TestOpenAIChat(Shipped):
    vendor = "chat"


@pytest.mark.fault
class TestGroq(Shipped):
    vendor = "groq"


@pytest.mark.fault
class TestMistral(Shipped):
    vendor = "mistral"


class TestEcho(LLMContract):
    @pytest.fixture
    def create(self) -> Callable[[], LLM]:
        return Echo


def last(request: ChatRequest) -> str:
    return request.messages[-1].text


class TestFakeLLM(LLMContract):
    @pytest.fixture
    def create(self) -> Callable[[], LLM]:
        return lambda: FakeLLM(last)


class TestFaultyLLM(LLMContract):
    @pytest.fixture
    def create(self) -> Callable[[], LLM]:
        return lambda: faulty(FakeLLM(last), FaultPlan())
