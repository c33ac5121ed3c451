"""What the tests of OpenAI ask, and whom."""

from __future__ import annotations

from typing import Any

from llm_server import LLMServer

from codeflow_engine.domain.chat import ChatDelta, ChatRequest, Message, Role
from codeflow_engine.providers.llm.openai import OpenAI, OpenAISettings

ASK = ChatRequest(
    messages=(
        Message(role=Role.SYSTEM, text="Be short."),
        Message(role=Role.USER, text="Two and two?"),
    ),
    max_output_tokens=100,
)


def provider(server: LLMServer, **settings: Any) -> OpenAI:
    """Make a provider of our own client."""
    return OpenAI("m", OpenAISettings(**settings), api_key="sk-ours", base_url=f"{server.url}/v1")


async def pieces(llm: OpenAI, request: ChatRequest = ASK) -> list[ChatDelta]:
    """Read a whole stream."""
    return [delta async for delta in llm.stream(request)]
