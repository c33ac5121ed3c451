"""The strategy `single` asks once, in a form that all vendors take, and believes a whole answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic import transform_schema
from jsonschema import Draft202012Validator

from codeflow_engine import AsyncEngine
from codeflow_engine.contracts import Chunk
from codeflow_engine.domain.chat import ChatAnswer, FinishReason, Message, Role
from codeflow_engine.domain.diff import Diff
from codeflow_engine.errors import ConfigurationError, TruncatedAnswerError
from codeflow_engine.prompts import Prompts
from codeflow_engine.providers.llm.calls.schemas import is_strict
from codeflow_engine.providers.strategy.form import FORM
from codeflow_engine.providers.strategy.single import Single, SingleSettings
from codeflow_engine.testing.fakes import FakeModel

UNITS = Diff.parse("--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a = 1\n+a = input()\n").units
CHUNK = Chunk(
    key="k",
    units=UNITS,
    text="the change",
    instructions="the rules",
    prompt="inspect/1",
    max_output_tokens=321,
)
CLEAN = json.dumps({"findings": [], "examined": [1]})


def objects(schema: Any) -> list[dict[str, Any]]:
    """List all schemas of objects within a schema."""
    if isinstance(schema, list):
        return [found for one in schema for found in objects(one)]
    if not isinstance(schema, dict):
        return []
    inner = [found for one in schema.values() for found in objects(one)]
    return [schema, *inner] if schema.get("type") == "object" else inner


async def test_it_asks_one_question_of_the_chunk_as_it_is() -> None:
    """The instructions come before the change, and the rest is the chunk's."""
    model = FakeModel(CLEAN)

    found = await Single().inspect(CHUNK, model.ask)

    (asked,) = model.requests
    assert asked.messages == (
        Message(role=Role.SYSTEM, text="the rules"),
        Message(role=Role.USER, text="the change"),
    )
    assert (asked.prompt, asked.max_output_tokens) == ("inspect/1", 321)
    assert asked.temperature is None
    assert asked.answer_schema == FORM
    assert (found.findings, found.examined, found.unusable) == ((), UNITS, 0)


async def test_a_temperature_is_sent_where_it_is_set() -> None:
    """None is no temperature, and 0 is one."""
    model = FakeModel(CLEAN)

    await Single(SingleSettings(temperature=0)).inspect(CHUNK, model.ask)

    assert model.requests[0].temperature == 0


async def test_an_answer_that_is_cut_off_is_an_error() -> None:
    """Even where it reads well; the message says how it ended."""
    cut = ChatAnswer(text=CLEAN, finish_reason=FinishReason.LENGTH, model="m")

    with pytest.raises(TruncatedAnswerError, match="'length'"):
        await Single().inspect(CHUNK, FakeModel(cut).ask)


@pytest.mark.parametrize(
    "wrong", [{"temperature": -0.1}, {"temperature": 2.1}, {"max_findings": 0}]
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    """The message names the setting and its value."""
    (name, value) = next(iter(wrong.items()))

    with pytest.raises(ConfigurationError, match=f"SingleSettings.{name} .*{value}"):
        SingleSettings(**wrong)


async def test_the_engine_offers_it_under_its_name() -> None:
    """It registers as any plugin does."""
    async with AsyncEngine(plugins_allow=[]) as engine:
        offers = {(offer.kind, offer.name) for offer in engine.plugins.backends}

    assert ("strategy", "single") in offers


def test_openai_takes_the_form_strictly() -> None:
    """So do Groq and Mistral, whose interfaces are sent the same one."""
    assert is_strict(FORM)
    Draft202012Validator.check_schema(FORM)


def test_anthropic_takes_the_whole_form() -> None:
    """Its SDK leaves out what it does not know; here that is nothing."""
    changed = transform_schema(dict(FORM))

    kept = [one["properties"].keys() for one in objects(changed)]
    assert kept == [one["properties"].keys() for one in objects(FORM)]
    assert all(one["additionalProperties"] is False for one in objects(changed))
    assert "{" not in str(changed["properties"]["findings"].get("description", ""))


def test_the_prompt_describes_each_field_of_the_form() -> None:
    """A model is asked for nothing that it was not told of."""
    prompt = Prompts().get("inspect").text
    names = {name for one in objects(FORM) for name in one["properties"]} - {"findings"}

    assert {name for name in names if f"`{name}`" not in prompt} == set()
