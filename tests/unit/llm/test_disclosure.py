"""The host says which files which provider never sees."""

from __future__ import annotations

import pytest
from gateway_world import Scripted, engine_of

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.llm.disclosure import Disclosure

RULES = Disclosure(
    {"openai": ["secrets/", "*.pem", "/top"], "groq:small": ["/*", "!/docs/"], "*": ["vault/"]},
    ["anthropic", "groq", "openai"],
)


@pytest.mark.parametrize(
    ("model", "paths", "withheld"),
    [
        ("openai:gpt-5.1", ["src/a.py"], None),
        ("openai:gpt-5.1", ["src/a.py", "secrets/b.py"], "secrets/b.py"),
        ("openai:gpt-5.1", ["deep/secrets/b.py"], "deep/secrets/b.py"),
        ("openai:gpt-5.1", ["tls/key.pem"], "tls/key.pem"),
        ("anthropic:claude", ["secrets/b.py"], None),
        ("anthropic:claude", ["vault/b.py"], "vault/b.py"),
        ("groq:small", ["src/a.py"], "src/a.py"),
        ("groq:small", ["docs/a.md"], None),
        ("groq:large", ["src/a.py"], None),
        ("openai-like:x", ["secrets/b.py"], None),
        ("openai:gpt-5.1", [], None),
    ],
)
def test_rules_hold_for_a_model_its_provider_and_all(
    model: str, paths: list[str], withheld: str | None
) -> None:
    """Patterns are those of git; the first path that is withheld is named."""
    assert RULES.withholds(model, "", paths) == withheld


def test_a_class_of_the_hosts_own_is_bound_by_its_interfaces_rules() -> None:
    """Whoever derives from OpenAI's provider sends to OpenAI, whatever the class is called."""
    paths = ["secrets/b.py"]

    assert RULES.withholds("myopenai:gpt-5.1", "openai", paths) == "secrets/b.py"


@pytest.mark.parametrize("path", ["./top", "src/../top", "/top", "src/./../top"])
def test_a_path_that_goes_up_and_down_is_what_it_means(path: str) -> None:
    """A rule for the top finds it, however it is written."""
    assert RULES.withholds("openai:gpt-5.1", "openai", ["src/a.py", path]) == path


def test_a_pattern_that_can_never_match_is_refused() -> None:
    """A rule that would protect nothing in silence is an error."""
    with pytest.raises(ConfigurationError, match="withheld from 'openai'"):
        Disclosure({"openai": [""]}, ["openai"])


@pytest.mark.parametrize("name", ["opnai", "OpenAI", "", "opnai:gpt-5.1", "openai-2"])
def test_a_rule_for_nobody_is_refused(name: str) -> None:
    """A slip in a provider's name would let everything through in silence."""
    with pytest.raises(ConfigurationError, match=r"no such provider; known: \*, openai"):
        Disclosure({name: ["secrets/"]}, ["openai"])


async def test_a_rule_for_a_model_that_is_not_asked_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One settings file serves engines with different models, so that this is no error."""
    rules = {"scripted:m": ("a/",), "openai:gpt-5": ("b/",), "acme": ("c/",)}

    async with engine_of([Scripted("m", "fine")], withheld=rules):
        pass

    told = [record.model for record in caplog.records if "withheld" in record.message]  # type: ignore[attr-defined]
    assert told == ["openai:gpt-5"]
