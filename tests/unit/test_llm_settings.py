"""Settings of models: budgets, prices, rules about files, and how long to try."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from codeflow_engine import Budget, Engine
from codeflow_engine.domain.model import ModelSettings
from codeflow_engine.errors import ConfigurationError, UnknownBackendError
from codeflow_engine.settings import Settings, load_settings

FILE = """\
llm = ["openai:gpt-5.1", "echo:echo"]
llm_attempts = 2
llm_timeout = 20.5
llm_deadline = 60
llm_pause = 5
llm_refusals = true

[budgets.run]
usd = "2.50"

[budgets.month]
usd = 100
tokens = 5_000_000

[models."openai:gpt-5.1"]
input_usd_per_million = 1.1
output_usd_per_million = "10"
tokens_per_minute = 90_000

[models.llama3]
context_window = 8192

[withheld]
"*" = ["secrets/", "*.pem"]
openai = ["payroll/"]
"""


def file(tmp_path: Path, text: str = FILE) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return path


def test_all_can_be_set_in_a_file(tmp_path: Path) -> None:
    """Dollars are decimals, also where TOML has them as numbers."""
    settings = load_settings(file(tmp_path))

    assert settings.llm == ("openai:gpt-5.1", "echo:echo")
    numbers = settings.llm_attempts, settings.llm_timeout, settings.llm_deadline, settings.llm_pause
    assert (*numbers, settings.llm_refusals) == (2, 20.5, 60, 5, True)
    assert settings.budgets == {
        "run": Budget(usd="2.50"),
        "month": Budget(usd="100", tokens=5_000_000),
    }
    assert settings.models == {
        "openai:gpt-5.1": ModelSettings(
            input_usd_per_million=Decimal("1.1"),
            output_usd_per_million=Decimal(10),
            tokens_per_minute=90_000,
        ),
        "llama3": ModelSettings(context_window=8192),
    }
    assert settings.withheld == {"*": ("secrets/", "*.pem"), "openai": ("payroll/",)}


def test_all_can_be_set_by_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are a list with commas; tables are JSON."""
    for name, value in {
        "LLM": "openai:gpt-5.1, echo:echo",
        "LLM_ATTEMPTS": "2",
        "LLM_TIMEOUT": "20.5",
        "LLM_DEADLINE": "60",
        "LLM_PAUSE": "5",
        "LLM_REFUSALS": "true",
        "BUDGETS": '{"run": {"usd": "2.50"}, "month": {"usd": 0.1, "tokens": 5}}',
        "MODELS": '{"llama3": {"context_window": 8192}}',
        "WITHHELD": '{"*": ["secrets/"], "openai:gpt-5.1": ["payroll/"]}',
    }.items():
        monkeypatch.setenv(f"CODEFLOW_{name}", value)

    settings = load_settings()

    assert settings.llm == ("openai:gpt-5.1", "echo:echo")
    numbers = settings.llm_attempts, settings.llm_timeout, settings.llm_deadline, settings.llm_pause
    assert (*numbers, settings.llm_refusals) == (2, 20.5, 60, 5, True)
    assert settings.budgets == {"run": Budget(usd="2.50"), "month": Budget(usd="0.1", tokens=5)}
    assert settings.models == {"llama3": ModelSettings(context_window=8192)}
    assert settings.withheld == {"*": ("secrets/",), "openai:gpt-5.1": ("payroll/",)}


def test_tables_of_the_environment_lie_over_those_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule or a budget that only one of them has stays."""
    monkeypatch.setenv("CODEFLOW_BUDGETS", '{"run": {"usd": "9"}}')
    monkeypatch.setenv("CODEFLOW_WITHHELD__groq", '["vault/"]')

    settings = load_settings(file(tmp_path))

    assert settings.budgets["run"] == Budget(usd="9")
    assert settings.budgets["month"] == Budget(usd="100", tokens=5_000_000)
    assert settings.withheld == {
        "*": ("secrets/", "*.pem"),
        "openai": ("payroll/",),
        "groq": ("vault/",),
    }


def test_nothing_is_set_by_default() -> None:
    """Without a word of the host no model is asked, nothing is limited, and nothing withheld."""
    settings = Settings()

    assert (settings.llm, settings.models) == ((), {})
    assert (settings.budgets, settings.withheld) == ({}, {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('llm = "openai:gpt-5.1"', "llm"),
        ("llm_attempts = 0", "llm_attempts"),
        ("llm_timeout = 0", "llm_timeout"),
        ("llm_pause = -1", "llm_pause"),
        ("[budgets.run]\n", "budget"),
        ("[budgets.run]\neuro = 1", "euro"),
        ('[budgets.run]\nusd = "a lot"', "usd"),
        ("[budgets.run]\ntokens = -1", "tokens"),
        ("[budgets.run]\nusd = inf", "usd"),
        ("[models.m]\ninput_usd_per_million = 1", "output_usd_per_million"),
        ("[models.m]\ninput_usd_per_million = -1\noutput_usd_per_million = 1", "input_usd"),
        ("[models.m]\ncontext_window = 0", "context_window"),
        ("[models.m]\nprice = 1", "price"),
        ('[withheld]\nopenai = "payroll/"', "withheld"),
    ],
)
def test_what_cannot_work_names_its_setting(tmp_path: Path, text: str, told: str) -> None:
    """A wrong value is an error when the engine is made, and not at the first question."""
    with pytest.raises(
        ConfigurationError, match=rf"^settings from .*settings\.toml'.*{told}"
    ) as raised:
        load_settings(file(tmp_path, text))

    assert "a lot" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"budget": {"week": Budget(tokens=1)}}, "no budget is for week; known: run, change"),
        ({"budget": {"run": {"usd": "5"}}}, "the budget of 'run' has to be a Budget, not a dict"),
        ({"withheld": {"echo": [""]}}, "withheld from 'echo'"),
        ({"models": {"m": {"context_window": "wide"}}}, "context_window"),
    ],
    ids=["scope", "budget", "pattern", "model"],
)
def test_what_a_host_brings_is_looked_at_as_well(options: Any, told: str) -> None:
    """Arguments of an engine meet the same rules as the file."""
    with pytest.raises(ConfigurationError, match=told):
        Engine(llm="echo:echo", **options)


def test_an_unknown_provider_names_the_known_ones() -> None:
    """A slip in the id of a model is told when the engine is made."""
    with pytest.raises(UnknownBackendError) as raised:
        Engine(llm="opneai:gpt-5.1")

    assert {"anthropic", "echo", "groq", "mistral", "openai"} <= {*raised.value.known}


def test_an_argument_lies_over_the_file(tmp_path: Path) -> None:
    """A budget of runs that a host brings leaves that of months, and models take the place."""
    path = file(tmp_path, FILE.replace("openai:gpt-5.1", "echo:filed"))

    with Engine(settings_file=path, llm="echo:given", budget=Budget(tokens=7)) as engine:
        settings = engine._engine._tools.settings

    assert settings.llm == ("echo:given",)
    assert settings.budgets == {
        "run": Budget(tokens=7),
        "month": Budget(usd="100", tokens=5_000_000),
    }
