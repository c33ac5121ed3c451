"""The host says which files which provider never sees."""

from __future__ import annotations

import pytest

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.llm.disclosure import Disclosure

RULES = Disclosure(
    {"openai": ["secrets/", "*.pem"], "groq:small": ["/*", "!/docs/"], "*": ["vault/"]}
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
    assert RULES.withholds(model, paths) == withheld


def test_a_pattern_that_can_never_match_is_refused() -> None:
    """A rule that would protect nothing in silence is an error."""
    with pytest.raises(ConfigurationError, match="withheld from 'openai'"):
        Disclosure({"openai": [""]})
