from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, Field, SecretStr, field_validator

from codeflow_engine import Engine, hookimpl
from codeflow_engine.contracts import LLM, Analysis, Analyzer, AnalyzerReport
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest
from codeflow_engine.errors import ConfigurationError, PluginError
from codeflow_engine.plugins.backends import Backends
from codeflow_engine.plugins.loader import load_plugins
from codeflow_engine.plugins.registry import PluginRegistry
from codeflow_engine.sandbox import Sandbox

if TYPE_CHECKING:
    from conftest import Site

VALUE = "hunter2-hunter2"


@dataclass(frozen=True, kw_only=True)
class Plain:
    """Settings as a dataclass."""

    url: str = "https://example.org"
    retries: int = 3
    tags: tuple[str, ...] = ()


class Model(BaseModel):
    """Settings as a Pydantic model, which would take other keys if it were left to it."""

    model_config = {"extra": "allow"}

    url: str = "https://example.org"
    retries: int = Field(default=3, ge=0)
    token: SecretStr = SecretStr("")

    @field_validator("token")
    @classmethod
    def check_token(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value().endswith("2"):
            raise ValueError(f"{value.get_secret_value()} is no token")
        return value


class Acme(Analyzer):
    """Keeps the settings that it was made with."""

    def __init__(self, settings: Any = None) -> None:
        self.settings = settings

    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        return AnalyzerReport(examined=analysis.units)


class AcmeModel(LLM):
    """A model of the same plugin."""

    def __init__(self, model: str, settings: Any) -> None:
        self._model = model
        self.settings = settings

    @property
    def model(self) -> str:
        return self._model

    @property
    def provider(self) -> str:
        return "acme"

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        raise NotImplementedError


class Plugin:
    """Offers an analyzer with a type of settings, and a model where asked for."""

    def __init__(self, settings: Any, model_settings: Any = None) -> None:
        self.settings = settings
        self.model_settings = model_settings

    @hookimpl
    def codeflow_register(self, registry: PluginRegistry) -> None:
        registry.add_analyzer("acme", Acme, settings=self.settings)
        if self.model_settings is not None:
            registry.add_llm("acme", AcmeModel, settings=self.model_settings)


def made(settings: Any, given: dict[str, Any] | None, model_settings: Any = None) -> Backends:
    loaded = load_plugins([Plugin(settings, model_settings)], allow=())
    return Backends(loaded.registry, {} if given is None else {"acme": given})


def settings_of(kind: Any, given: dict[str, Any] | None) -> Any:
    backend = made(kind, given).get(Analyzer, "acme")
    assert isinstance(backend, Acme)
    return backend.settings


def refusal(kind: Any, given: dict[str, Any]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        made(kind, given).get(Analyzer, "acme")
    assert VALUE not in caught.value.message
    assert caught.value.__cause__ is None
    return caught.value.message


@pytest.mark.parametrize("kind", [Plain, Model])
def test_a_section_becomes_a_value_of_the_plugins_type(kind: Any) -> None:
    """The factory gets it validated; text from the environment becomes what is declared."""
    settings = settings_of(kind, {"url": "https://acme.example", "retries": "5"})

    assert isinstance(settings, kind)
    assert (settings.url, settings.retries) == ("https://acme.example", 5)


def test_lists_become_tuples() -> None:
    """As TOML and JSON have them."""
    assert settings_of(Plain, {"tags": ["a", "b"]}).tags == ("a", "b")


def test_without_a_section_the_factory_is_called_without_arguments() -> None:
    """The plugin's own defaults count."""
    assert settings_of(Plain, None) is None


def test_an_empty_section_is_a_section() -> None:
    """All its values are the defaults of the type."""
    assert settings_of(Plain, {}) == Plain()


def test_the_type_may_be_an_import_string(site: Site) -> None:
    """Its module is imported with the backend."""
    source = "from dataclasses import dataclass\n@dataclass\nclass Settings:\n    url: str\n"
    (site.path / "acme_settings.py").write_text(source)

    assert settings_of("acme_settings:Settings", {"url": "x"}).url == "x"


@pytest.mark.parametrize("kind", [Plain, Model])
def test_an_unknown_key_is_refused_by_its_name(kind: Any) -> None:
    """Also where the plugin's own model would have let it pass."""
    message = refusal(kind, {"ulr": VALUE})

    assert message.startswith(f"settings of analyzer 'acme': not a valid {kind.__name__}: ulr: ")


@pytest.mark.parametrize("kind", [Plain, Model])
def test_a_wrong_value_is_refused_by_its_place(kind: Any) -> None:
    """The message names the place and never quotes the value."""
    assert "retries: Input should be a valid integer" in refusal(kind, {"retries": VALUE})


def test_s33_a_check_of_the_plugin_cannot_quote_a_value() -> None:
    """What its validator says is left out."""
    message = refusal(Model, {"token": VALUE})

    assert message == "settings of analyzer 'acme': not a valid Model: token: the value is refused"


def test_a_section_for_a_backend_without_settings_is_refused() -> None:
    """What nobody reads is a mistake; an empty section is none."""
    assert refusal(None, {"url": VALUE}) == "analyzer 'acme' takes no settings"
    assert settings_of(None, {}) is None


def test_a_section_may_be_for_another_backend_of_the_same_name() -> None:
    """A plugin usually gives its backends one name, and only some have settings."""
    known = made(None, {"url": "https://acme.example"}, model_settings=Plain)

    analyzer, model = known.get(Analyzer, "acme"), known.get(LLM, "acme:small")

    assert isinstance(analyzer, Acme)
    assert isinstance(model, AcmeModel)
    assert analyzer.settings is None
    assert model.model == "small"
    assert model.settings == Plain(url="https://acme.example")


def test_a_provider_of_models_is_named_with_one_of_them() -> None:
    """A name alone is told how it goes on; each model is created once."""
    known = made(None, {}, model_settings=Plain)

    with pytest.raises(ConfigurationError, match="acme:MODEL"):
        known.get(LLM, "acme")

    assert known.get(LLM, "acme:small") is known.get(LLM, "acme:small")
    assert known.get(LLM, "acme:ft:large:x").model == "ft:large:x"


@dataclass
class Failing:
    """A type whose own check fails in a way that no validation expects."""

    url: str = ""

    def __post_init__(self) -> None:
        raise KeyError("unexpected")


@pytest.mark.parametrize("kind", [Failing, Plugin, "acme_nowhere:Settings", 42], ids=str)
def test_a_type_that_cannot_be_used_is_the_plugins_failure(kind: Any) -> None:
    """The error names the plugin, and the host does not see one of a library below."""
    with pytest.raises(PluginError, match="in-process Plugin #1: analyzer 'acme' cannot be"):
        made(kind, {"url": "x"}).get(Analyzer, "acme")


def test_settings_reach_a_backend_through_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`CODEFLOW_PLUGINS__ACME__URL` is the key `url` of the section `acme`."""
    monkeypatch.setenv("CODEFLOW_PLUGINS__ACME__URL", "https://acme.example")
    monkeypatch.setenv("CODEFLOW_PLUGINS__ACME__TAGS", '["a"]')
    monkeypatch.setenv("CODEFLOW_PLUGINS__ACME__RETRIES", "0")

    with Engine(plugins=[Plugin(Plain)]) as engine:
        backend = engine._engine._backends.get(Analyzer, "acme")

    assert isinstance(backend, Acme)
    assert backend.settings == Plain(url="https://acme.example", retries=0, tags=("a",))
