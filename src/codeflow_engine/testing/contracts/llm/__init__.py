"""The suite of LLM providers, and the other end of their lines."""

from codeflow_engine.testing.contracts.llm.asking import Replying
from codeflow_engine.testing.contracts.llm.contract import LLMContract
from codeflow_engine.testing.contracts.llm.http import HTTPReply, HTTPRequest, HTTPWire
from codeflow_engine.testing.contracts.llm.replies import Reply, ReplyKind, Wire

__all__ = [
    "HTTPReply",
    "HTTPRequest",
    "HTTPWire",
    "LLMContract",
    "Reply",
    "ReplyKind",
    "Replying",
    "Wire",
]
