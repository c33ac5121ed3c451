"""The provider that answers without a model."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal

import pytest

from codeflow_engine.contracts.llm import LLMCapability
from codeflow_engine.domain.chat import ChatRequest, FinishReason, Message, Role
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.plugins.builtin import codeflow_register
from codeflow_engine.plugins.registry import Kind, PluginRegistry
from codeflow_engine.providers.llm.echo import Echo, EchoSettings


def asked(*turns: tuple[Role, str], limit: int = 1000, **more: object) -> ChatRequest:
    """Make a request of turns."""
    messages = tuple(Message(role=role, text=text) for role, text in turns)
    return ChatRequest(messages=messages, max_output_tokens=limit, **more)


async def test_the_last_message_of_the_user_comes_back() -> None:
    """Without a script and a schema, the answer is what the user said last."""
    request = asked(
        (Role.SYSTEM, "Be brief."),
        (Role.USER, "first"),
        (Role.ASSISTANT, "answer"),
        (Role.USER, "second"),
    )

    answer = await Echo().complete(request)

    assert (answer.text, answer.finish_reason) == ("second", FinishReason.STOP)
    assert (answer.provider, answer.model) == ("echo", "echo")
    assert (await Echo("tiny").complete(asked())).text == ""
    assert (await Echo("tiny").complete(asked())).model == "tiny"


async def test_a_script_is_told_by_the_turn_of_the_conversation() -> None:
    """What is said hangs on the question alone, whatever was asked before or beside it."""
    echo = Echo(settings=EchoSettings(says=("one", "two")))
    first = asked((Role.USER, "?"), answer_schema={"type": "object"})
    second = asked((Role.USER, "?"), (Role.ASSISTANT, "one"), (Role.USER, "again"))
    third = asked(*((Role.ASSISTANT, "so"),) * 5)

    answers = await asyncio.gather(*map(echo.complete, [third, second, first, first]))

    assert [answer.text for answer in answers] == ["two", "two", "one", "one"]


async def test_a_schema_is_answered_with_json() -> None:
    """An answer to a question with a schema follows it, or there is a typed error."""
    schema = {
        "type": "object",
        "required": ["findings", "verdict"],
        "properties": {"findings": {"type": "array"}, "verdict": {"enum": ["ok", "bad"]}},
    }

    answer = await Echo().complete(asked((Role.USER, "?"), answer_schema=schema))

    assert json.loads(answer.text) == {"findings": [], "verdict": "ok"}
    with pytest.raises(ConfigurationError, match="no value was found"):
        await Echo().complete(asked(answer_schema={"type": "object", "minProperties": 10**6}))


@pytest.mark.parametrize(
    ("limit", "text", "reason"),
    [(4, "aaabbbcccd", FinishReason.STOP), (3, "aaabbbccc", FinishReason.LENGTH)],
)
async def test_an_answer_that_is_too_long_is_cut(
    limit: int, text: str, reason: FinishReason
) -> None:
    """The limit of the output holds, and an answer says that it was cut."""
    answer = await Echo().complete(asked((Role.USER, "aaabbbcccd"), limit=limit))

    assert (answer.text, answer.finish_reason) == (text, reason)
    assert answer.usage.output_tokens == limit


async def test_tokens_are_counted_by_the_rule_that_is_told() -> None:
    """Three characters are a token, in what is counted before and what is used after."""
    request = asked((Role.SYSTEM, "abcd"), (Role.USER, "abc"))

    answer = await Echo().complete(request)

    assert await Echo().count_tokens(request) == answer.usage.input_tokens == 3
    assert (answer.usage.output_tokens, answer.usage.calls) == (1, 1)
    assert (answer.usage.cost_usd, answer.is_estimated) == (Decimal(0), False)


async def test_a_stream_comes_in_pieces_that_make_the_answer() -> None:
    """The pieces are the answer's text, and the last one alone carries the answer."""
    request = asked((Role.USER, "a text of more than one piece"))

    pieces = [piece async for piece in Echo().stream(request)]

    assert len(pieces) > 2
    assert [piece.answer is None for piece in pieces] == [True] * (len(pieces) - 1) + [False]
    assert "".join(piece.text for piece in pieces) == pieces[-1].answer.text
    assert pieces[-1].answer == await Echo().complete(request)


async def test_it_has_all_that_a_provider_can_have() -> None:
    """Docs and tests can try each capability without a key."""
    echo = Echo()

    echo.check()

    assert echo.capabilities == set(LLMCapability)
    assert await echo.list_models() == ("echo",)
    assert (echo.secrets, echo.endpoint, echo.provider) == ((), None, "echo")
    await echo.aclose()


def test_echo_is_registered_without_anything_to_install() -> None:
    """Whoever has the engine has this provider."""
    registry = PluginRegistry("shipped")

    codeflow_register(registry)

    [offer] = [each for each in registry.offers if (each.kind, each.name) == (Kind.LLM, "echo")]
    assert offer.requires is None
