"""Where providers are, whose client they take, and which schemas are strict."""

from __future__ import annotations

import asyncio
from typing import Any

import groq
import openai
import pytest

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.providers.llm.calls.places import Place
from codeflow_engine.providers.llm.calls.schemas import is_strict
from codeflow_engine.providers.llm.groq import Groq
from codeflow_engine.providers.llm.openai import OpenAI, OpenAISettings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what a machine may know of models."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT", "GROQ_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://api.openai.com/v1/", "https://api.openai.com/v1"),
        ("http://user:pass-word@host:8000/v1?key=x#y", "http://host:8000/v1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    ],
)
def test_an_endpoint_shows_no_credentials(url: str, shown: str) -> None:
    """User, password and query are left out, and the password is named as a secret."""
    llm = OpenAI("m", base_url=url)

    assert llm.endpoint == shown
    assert llm.secrets == (("pass-word",) if "pass" in url else ())


@pytest.mark.parametrize("url", ["host:8000", "ftp://host", "https:///v", "http://[", "http://h:x"])
def test_a_url_that_is_none_is_refused_at_once(url: str) -> None:
    """The message does not show it: it may hold a password."""
    with pytest.raises(ConfigurationError, match="base_url of openai") as caught:
        OpenAI("m", base_url=url)

    assert url not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "is_own"),
    [
        ("https://api.openai.com/v1", True),
        ("https://eu.api.openai.com/v1", True),
        ("https://api.openai.com.evil.example/v1", False),
        ("https://notapi.openai.com/v1", False),
    ],
)
def test_a_place_is_known_by_its_whole_name(url: str, is_own: bool) -> None:  # noqa: FBT001 - a case
    """A host that only looks alike is another one."""
    assert Place("openai", url).is_under("api.openai.com") is is_own


def test_a_key_is_needed_at_openais_own_place() -> None:
    """Its absence names the variable and the setting."""
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY or CODEFLOW_PLUGINS__OPENAI__"):
        OpenAI("m").check()


def test_azure_needs_a_key_and_a_place() -> None:
    """The key of OpenAI is not sent to Azure."""
    with pytest.raises(ConfigurationError, match="AZURE_OPENAI_ENDPOINT"):
        OpenAI("m", OpenAISettings(api_version="2025-03-01-preview"))
    with pytest.raises(ConfigurationError, match="AZURE_OPENAI_API_KEY"):
        OpenAI("m", OpenAISettings(api_version="2025-03-01", base_url="https://a.example")).check()


def test_a_keyword_wins_over_settings() -> None:
    """What is said in code is meant."""
    settings = OpenAISettings(api_key="sk-set", base_url="http://set.example/v1")

    llm = OpenAI("m", settings, api_key="sk-said", base_url="http://said.example/v1")

    assert (llm.secrets, llm.endpoint) == (("sk-said",), "http://said.example/v1")


@pytest.mark.parametrize("provider", [OpenAI, Groq])
def test_a_client_that_is_not_awaited_is_refused(provider: Any) -> None:
    """A synchronous client, one of another SDK, and any other object are mistakes."""
    with openai.OpenAI(api_key="sk-x") as one, groq.Groq(api_key="gsk-x") as two:
        for client in (one, two, object()):
            with pytest.raises(ConfigurationError, match="whose calls are awaited"):
                provider("m", client=client)


def test_a_client_and_a_key_beside_it_are_refused() -> None:
    """Which of the two would be meant cannot be known."""
    client = openai.AsyncOpenAI(api_key="sk-x")
    try:
        with pytest.raises(ConfigurationError, match="brings its key and its URL"):
            OpenAI("m", client=client, api_key="sk-y")
    finally:
        asyncio.run(client.close())


CLOSED: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": "string"}, "b": {"$ref": "#/$defs/b"}},
    "required": ["a", "b"],
    "additionalProperties": False,
    "$defs": {"b": {"anyOf": [{"type": "null"}, {"type": "array", "items": {"enum": [1]}}]}},
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"required": ["a"]}, False),
        ({"additionalProperties": True}, False),
        ({"additionalProperties": {}}, False),
        ({"type": "array"}, False),
        ({"anyOf": []}, False),
        ({"allOf": []}, False),
        ({"$defs": {"b": {"type": "object"}}}, False),
        ({"$defs": {"b": {"oneOf": []}}}, False),
        ({"$defs": {"b": {"type": "array", "items": {"default": 1}}}}, False),
        ({"$defs": {"b": {"anyOf": [{"type": "object"}]}}}, False),
        ({"properties": {"a": True, "b": {}}}, False),
    ],
)
def test_a_schema_is_strict_only_where_all_of_it_is(
    change: dict[str, Any],
    expected: bool,  # noqa: FBT001 - a case
) -> None:
    """Anything left open, and any keyword that is not listed, makes it loose."""
    assert is_strict({**CLOSED, **change}) is expected
