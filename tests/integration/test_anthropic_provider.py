"""What Anthropic is asked, and what its answers say."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic_asking import (
    MESSAGE,
    MODEL,
    asked,
    question,
)

from codeflow_engine.contracts.llm import LLMCapability
from codeflow_engine.providers.llm.anthropic import Anthropic, AnthropicSettings
from fault_server import FaultServer
from model_replies import in_json

MARK = {"type": "ephemeral"}
SCHEMA = {
    "type": "object",
    "properties": {"line": {"type": "integer", "minimum": 1}},
    "required": ["line"],
}


async def test_a_question_is_sent_in_the_form_of_the_interface() -> None:
    """Instructions stand beside the turns, and what one side says in a row is one turn."""
    request = question(
        ("system", "Be exact."),
        ("user", "First."),
        ("user", "Second."),
        ("assistant", "Yes."),
        ("system", "Be short."),
        ("user", "Third."),
        ("user", ""),
    )

    async with FaultServer(in_json(MESSAGE)) as server:
        await asked(server, request, cache_prompts=False)

    sent = server.requests[0]
    assert (sent.method, sent.path) == ("POST", "/v1/messages")
    assert sent.headers["authorization"] == "Bearer sk-1"
    assert sent.json == {
        "model": MODEL,
        "max_tokens": 500,
        "system": [
            {"type": "text", "text": "Be exact."},
            {"type": "text", "text": "Be short."},
        ],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "First."},
                    {"type": "text", "text": "Second."},
                ],
            },
            {"role": "assistant", "content": [{"type": "text", "text": "Yes."}]},
            {"role": "user", "content": [{"type": "text", "text": "Third."}]},
        ],
    }


async def test_words_put_into_the_models_mouth_end_without_a_blank() -> None:
    """The interface refuses a last turn of the model that ends with a blank."""
    async with FaultServer(in_json(MESSAGE)) as server:
        await asked(server, question(("user", "Count."), ("assistant", "One, \n")))

    assert server.requests[0].json["messages"][-1]["content"][0]["text"] == "One,"


async def test_what_stays_the_same_is_marked_for_the_cache() -> None:
    """The instructions' end is marked, and so is all that was said before the newest words."""
    request = question(("system", "A"), ("system", "B"), ("user", "shared"), ("user", "chunk"))

    async with FaultServer(in_json(MESSAGE)) as server:
        await asked(server, request)

    body = server.requests[0].json
    assert [block.get("cache_control") for block in body["system"]] == [None, MARK]
    content = body["messages"][0]["content"]
    assert [block.get("cache_control") for block in content] == [MARK, None]


async def test_a_lone_question_is_not_marked() -> None:
    """Writing into the cache costs more than sending: what is new each time is not written."""
    async with FaultServer(in_json(MESSAGE)) as server:
        await asked(server, question(("user", "chunk")))

    assert server.requests[0].json["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "chunk"}]}
    ]


async def test_a_schema_is_sent_in_the_subset_that_the_interface_knows() -> None:
    """Limits that the interface refuses are told to the model in a description."""
    async with FaultServer(in_json(MESSAGE)) as server:
        await asked(server, question(answer_schema=SCHEMA))

    form = server.requests[0].json["output_config"]["format"]
    assert form["type"] == "json_schema"
    assert form["schema"]["additionalProperties"] is False
    assert form["schema"]["required"] == ["line"]
    assert form["schema"]["properties"]["line"] == {
        "type": "integer",
        "description": "{minimum: 1}",
    }


@pytest.mark.parametrize(
    ("settings", "schema"),
    [
        ({"native_schema": False}, SCHEMA),
        ({"model": "claude-3-5-haiku-20241022"}, SCHEMA),
        ({"model": "claude-sonnet-4-20250514"}, SCHEMA),
        ({}, {"properties": {"a": {}}}),
        ({}, {"type": ["object", "null"]}),
    ],
)
async def test_a_schema_is_told_in_words_where_there_is_no_field_for_it(
    settings: dict[str, Any], schema: dict[str, Any]
) -> None:
    """Old models, and schemas beyond the interface's subset, get it as an instruction."""
    async with FaultServer(in_json(MESSAGE)) as server:
        await asked(server, question(answer_schema=schema), **settings)

    body = server.requests[0].json
    assert "output_config" not in body
    assert '{"' in body["system"][-1]["text"]
    assert body["system"][-1]["cache_control"] == MARK
    assert len(body["system"]) == 2


async def test_another_schema_is_not_taken_for_the_one_before() -> None:
    """A schema that the caller has changed since is sent as it is now."""
    changing: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}

    async with FaultServer(in_json(MESSAGE)) as server:
        provider = Anthropic(MODEL, api_key="sk-1", base_url=server.url)
        await provider.complete(question(answer_schema=changing))
        changing["properties"]["b"] = {"type": "string"}
        await provider.complete(question(answer_schema=changing))
        await provider.aclose()

    first, second = (each.json["output_config"]["format"]["schema"] for each in server.requests)
    assert list(first["properties"]) == ["a"]
    assert list(second["properties"]) == ["a", "b"]


def test_only_a_model_that_is_held_to_a_schema_says_so() -> None:
    """A caller sees from the capabilities whether a schema is more than a wish."""
    old = Anthropic("claude-3-opus-20240229", api_key="k")
    told = Anthropic(MODEL, AnthropicSettings(native_schema=False), api_key="k")
    for model in (MODEL, "claude-opus-4-1-20250805", "claude-sonnet-4-5", "claude-haiku-4-5@2025"):
        assert LLMCapability.ANSWER_SCHEMA in Anthropic(model, api_key="k").capabilities
    assert LLMCapability.ANSWER_SCHEMA not in old.capabilities | told.capabilities
    assert LLMCapability.STREAMS in old.capabilities


@pytest.mark.parametrize(("version", "temperature"), [(None, None), ("2023-06-01", 0.2)])
async def test_a_temperature_is_sent_only_to_a_version_that_takes_it(
    version: str | None, temperature: float | None
) -> None:
    """Since version 2026-10-21 the interface answers HTTP 400 to any temperature."""
    headers = {"Anthropic-Version": version} if version else {}

    async with FaultServer(in_json(MESSAGE)) as server:
        await asked(server, question(temperature=0.2), headers=headers)

    assert server.requests[0].json.get("temperature") == temperature
    assert server.requests[0].headers["anthropic-version"] == (version or "2026-10-21")
