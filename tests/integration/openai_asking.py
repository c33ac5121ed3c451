"""What the tests of OpenAI ask, and whom."""

from __future__ import annotations

from typing import Any

from codeflow_engine.domain.chat import ChatDelta, ChatRequest, Message, Role
from codeflow_engine.providers.llm.openai import OpenAI, OpenAISettings
from fault_server import FaultServer, Received, Reply
from model_replies import in_json

ASK = ChatRequest(
    messages=(
        Message(role=Role.SYSTEM, text="Be short."),
        Message(role=Role.USER, text="Two and two?"),
    ),
    max_output_tokens=100,
)


def provider(server: FaultServer, **settings: Any) -> OpenAI:
    """Make a provider of our own client."""
    return OpenAI("m", OpenAISettings(**settings), api_key="sk-ours", base_url=f"{server.url}/v1")


async def pieces(llm: OpenAI, request: ChatRequest = ASK) -> list[ChatDelta]:
    """Read a whole stream."""
    return [delta async for delta in llm.stream(request)]


CHAT: dict[str, Any] = {
    "id": "chatcmpl-1",
    "model": "asked-model-2026",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "four"}}],
    "usage": {
        "prompt_tokens": 20,
        "completion_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 6},
    },
}
"""A whole answer of the chat interface."""

RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "model": "asked-model-2026",
    "status": "completed",
    "output": [
        {"type": "reasoning", "summary": []},
        {"type": "message", "content": [{"type": "output_text", "text": "four"}]},
    ],
    "usage": {
        "input_tokens": 20,
        "output_tokens": 9,
        "input_tokens_details": {"cached_tokens": 8},
        "output_tokens_details": {"reasoning_tokens": 6},
    },
}
"""A whole answer of the Responses interface."""


def usual(received: Received) -> Reply:
    """Answer as each interface does."""
    whole = RESPONSE if received.path.endswith("/responses") else CHAT
    return in_json(whole)
