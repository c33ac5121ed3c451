from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from codeflow_engine import hookimpl
from codeflow_engine.errors import PluginConflictError, PluginError, UnknownBackendError
from codeflow_engine.plugins.loader import LoadedPlugins, load_plugins
from codeflow_engine.plugins.registry import (
    CONTRACT_VERSIONS,
    SHIPPED,
    BackendInfo,
    Kind,
    PluginRegistry,
    Registry,
)

ADDERS: dict[Kind, Callable[..., None]] = {
    Kind.LLM: PluginRegistry.add_llm,
    Kind.VCS: PluginRegistry.add_vcs,
    Kind.STORAGE: PluginRegistry.add_storage,
    Kind.CACHE: PluginRegistry.add_cache,
    Kind.WORKFLOW_BACKEND: PluginRegistry.add_workflow_backend,
    Kind.ANALYZER: PluginRegistry.add_analyzer,
    Kind.STRATEGY: PluginRegistry.add_strategy,
    Kind.OBSERVER: PluginRegistry.add_observer,
    Kind.WORKFLOW: PluginRegistry.add_workflow,
}


class Offering:
    """A plugin that offers analyzers under names."""

    def __init__(self, *names: str) -> None:
        self.names = names

    @hookimpl
    def codeflow_register(self, registry: PluginRegistry) -> None:
        for name in self.names:
            registry.add_analyzer(name, "codeflow_x:X")


def offer(name: str, origin: str, kind: Kind = Kind.ANALYZER) -> BackendInfo:
    return BackendInfo(kind=kind, name=name, origin=origin, factory="codeflow_x:X")


def messages(loaded: LoadedPlugins) -> list[str]:
    return [failure.error.message for failure in loaded.failures]


@pytest.mark.parametrize("kind", Kind)
def test_there_is_a_method_for_every_kind(kind: Kind) -> None:
    """Each kind can be offered by its own method, with all options."""
    registry = PluginRegistry("codeflow-acme 1.0 (acme)")

    ADDERS[kind](registry, "acme", "a:B", requires="acme[sdk]", settings="a:C", contract_version=1)

    assert registry.offers == (
        BackendInfo(
            kind=kind,
            name="acme",
            origin="codeflow-acme 1.0 (acme)",
            factory="a:B",
            requires="acme[sdk]",
            settings="a:C",
            contract_version=1,
        ),
    )
    assert 1 in CONTRACT_VERSIONS[kind]


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "-", ".", "a/b", "a:b", "-a", "a-", "\u0455ecrets", "a\n", "²"]
)
def test_a_name_that_nobody_could_write_is_refused(name: str) -> None:
    """Names are of ASCII letters and digits, so that none imitates another one."""
    with pytest.raises(PluginError, match="is no name for a analyzer"):
        PluginRegistry("codeflow-acme").add_analyzer(name, "a:B")


@pytest.mark.parametrize("name", ["a", "acme", "acme-2", "acme.large_v1", "A1"])
def test_a_usual_name_is_taken(name: str) -> None:
    """Letters and digits, with `-`, `_` and `.` between them."""
    registry = PluginRegistry("codeflow-acme")

    registry.add_analyzer(name, "a:B")

    assert [one.name for one in registry.offers] == [name]


def test_a_kind_that_does_not_exist_is_refused() -> None:
    """An engine whose plugin offers nonsense still stands."""

    class Plugin:
        @hookimpl
        def codeflow_register(self, registry: Any) -> None:
            registry.add("analyser", "x", "a:B")

    loaded = load_plugins([Plugin()])

    assert messages(loaded) == ["in-process Plugin #1: 'analyser' is no kind of backend"]


def test_an_option_that_does_not_exist_is_refused() -> None:
    """A misspelt option of an offer is no silent default."""

    class Plugin:
        @hookimpl
        def codeflow_register(self, registry: Any) -> None:
            registry.add_analyzer("x", "a:B", require="acme")

    (message,) = messages(load_plugins([Plugin()]))

    assert "TypeError" in message
    assert "require" in message


def test_the_kind_may_be_given_by_its_value() -> None:
    """What is offered as `"analyzer"` is found as an analyzer."""
    registry = PluginRegistry("codeflow-acme")

    registry.add("analyzer", "x", "a:B")  # type: ignore[arg-type]  # as an untyped author would

    assert registry.offers[0].kind is Kind.ANALYZER


def test_a_name_with_two_owners_is_refused_when_asked_for() -> None:
    """The error names both, the second is told as a failure, and other names work."""
    loaded = load_plugins([Offering("acme", "one"), Offering("acme", "two")])

    with pytest.raises(PluginConflictError) as caught:
        loaded.registry.find(Kind.ANALYZER, "acme")

    assert caught.value.message == (
        "analyzer 'acme' is offered by in-process Offering #1 and in-process Offering #2; "
        "uninstall one of them, or leave it out of plugins_allow"
    )
    assert [(one.origin, type(one.error)) for one in loaded.failures] == [
        ("in-process Offering #2", PluginConflictError)
    ]
    assert loaded.registry.find(Kind.ANALYZER, "one").origin == "in-process Offering #1"
    assert loaded.registry.find(Kind.ANALYZER, "two").origin == "in-process Offering #2"


def test_a_third_owner_does_not_settle_a_conflict() -> None:
    """Every owner is named, and the name stays refused."""
    loaded = load_plugins([Offering("acme"), Offering("acme"), Offering("acme")])

    with pytest.raises(PluginConflictError, match=r"#1 and .*#2 and .*#3"):
        loaded.registry.find(Kind.ANALYZER, "acme")
    assert len(loaded.failures) == 2


def test_a_plugin_that_offers_a_name_twice_conflicts_with_itself() -> None:
    """It is one owner with two factories, between which nobody can choose."""
    loaded = load_plugins([Offering("acme", "acme")])

    with pytest.raises(PluginConflictError, match="offered by in-process Offering #1; uninstall"):
        loaded.registry.find(Kind.ANALYZER, "acme")


def test_the_same_name_of_another_kind_is_no_conflict() -> None:
    """A plugin usually gives all its backends one name."""
    registry = Registry()

    problems = registry.accept([offer("acme", "a"), offer("acme", "b", Kind.LLM)])

    assert problems == []
    assert registry.find(Kind.LLM, "acme").origin == "b"


@pytest.mark.parametrize("name", ["secrets", "hygiene"])
def test_s30_a_shipped_name_cannot_be_taken(name: str) -> None:
    """The shipped backend stays in use, and the plugin's other offers are kept."""
    loaded = load_plugins([Offering(name, "acme")])

    assert loaded.registry.find(Kind.ANALYZER, name).origin == SHIPPED
    assert loaded.registry.find(Kind.ANALYZER, "acme").origin == "in-process Offering #1"
    (failure,) = loaded.failures
    assert isinstance(failure.error, PluginConflictError)
    assert failure.error.message == (
        f"in-process Offering #1: analyzer {name!r} is shipped with the engine, "
        f"which keeps the name; it has to be offered under another one"
    )


def test_an_unknown_name_lists_the_known_ones() -> None:
    """What can be asked for stands in the message and in `known`, sorted."""
    registry = Registry()
    registry.accept([offer("b", "x"), offer("a", "x"), offer("other", "x", Kind.LLM)])

    with pytest.raises(UnknownBackendError) as caught:
        registry.find(Kind.ANALYZER, "c")
    with pytest.raises(UnknownBackendError) as empty:
        registry.find(Kind.CACHE, "c")

    assert caught.value.message == "no analyzer is named 'c'; known: a, b"
    assert caught.value.known == ("a", "b")
    assert empty.value.message == "no cache is named 'c'; known: none"


def test_offers_are_listed_by_kind_and_name() -> None:
    """The order is that of `Kind`, then of the names; both owners of a name are shown."""
    registry = Registry()
    registry.accept([offer("z", "1"), offer("a", "1"), offer("m", "1", Kind.LLM)])
    registry.accept([offer("a", "2")])

    listed = [(one.kind, one.name, one.origin) for one in registry.offers]

    assert listed == [
        (Kind.LLM, "m", "1"),
        (Kind.ANALYZER, "a", "1"),
        (Kind.ANALYZER, "a", "2"),
        (Kind.ANALYZER, "z", "1"),
    ]


def test_what_a_plugin_offers_after_its_registration_is_not_taken() -> None:
    """A plugin that keeps the registry cannot change the engine behind its back."""
    kept: list[PluginRegistry] = []

    class Plugin:
        @hookimpl
        def codeflow_register(self, registry: PluginRegistry) -> None:
            kept.append(registry)

    loaded = load_plugins([Plugin()])
    kept[0].add_analyzer("late", "a:B")

    assert "late" not in loaded.registry.names(Kind.ANALYZER)


def test_two_loads_share_no_registry() -> None:
    """Plugins of one engine are unknown to another one."""
    first, second = load_plugins([Offering("acme")]), load_plugins()

    assert "acme" in first.registry.names(Kind.ANALYZER)
    assert "acme" not in second.registry.names(Kind.ANALYZER)
    assert second.implementations("codeflow_register") != first.implementations("codeflow_register")
