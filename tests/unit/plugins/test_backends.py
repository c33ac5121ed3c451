from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from codeflow_engine import hookimpl
from codeflow_engine.contracts import LLM, Analysis, Analyzer, AnalyzerReport, Observer
from codeflow_engine.domain.run import RunEvent
from codeflow_engine.errors import (
    ConfigurationError,
    MissingDependencyError,
    PluginConflictError,
    PluginError,
    UnknownBackendError,
)
from codeflow_engine.plugins.backends import Backends
from codeflow_engine.plugins.loader import load_plugins
from codeflow_engine.plugins.overview import Plugins
from codeflow_engine.plugins.registry import Kind, PluginRegistry
from codeflow_engine.sandbox import Sandbox

if TYPE_CHECKING:
    from conftest import Site

ORIGIN = "in-process Offering #1"


class Offering:
    """A plugin whose offers are what a function says."""

    def __init__(self, register: Callable[[PluginRegistry], None]) -> None:
        self.register = register

    @hookimpl
    def codeflow_register(self, registry: PluginRegistry) -> None:
        self.register(registry)


def backends(register: Callable[[PluginRegistry], None] = lambda _: None) -> Backends:
    loaded = load_plugins([Offering(register)], allow=())
    assert not loaded.failures
    return Backends(loaded.registry, {})


def offering(factory: Any, **options: Any) -> Backends:
    return backends(lambda registry: registry.add_analyzer("acme", factory, **options))


class Quiet(Analyzer):
    """Counts how often it was made and closed."""

    made = 0

    def __init__(self) -> None:
        type(self).made += 1
        self.closed = 0

    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        return AnalyzerReport(examined=analysis.units)

    async def aclose(self) -> None:
        self.closed += 1


class Watching(Observer):
    """An observer that does nothing."""

    async def on_event(self, event: RunEvent) -> None: ...


def refusal(known: Backends, name: str = "acme") -> PluginError:
    with pytest.raises(PluginError) as caught:
        known.get(Analyzer, name)
    return caught.value


def test_a_backend_is_created_once_and_on_first_use() -> None:
    """Nothing is made before its name is asked for, and then one for all."""

    class Counted(Quiet):
        made = 0

    known = offering(Counted)
    assert Counted.made == 0

    first = known.get(Analyzer, "acme")

    assert known.get(Analyzer, "acme") is first
    assert Counted.made == 1


def test_a_backend_is_created_once_for_all_threads() -> None:
    """Workers that ask at the same moment get the same one."""

    class Slow(Quiet):
        made = 0

        def __init__(self) -> None:
            time.sleep(0.05)
            super().__init__()

    known = offering(Slow)
    barrier = threading.Barrier(4)

    def ask(_: int) -> Analyzer:
        barrier.wait(5)
        return known.get(Analyzer, "acme")

    with ThreadPoolExecutor(4) as threads:
        found = set(threads.map(ask, range(4)))

    assert len(found) == 1
    assert Slow.made == 1


def test_a_backend_that_is_false_is_created_once_all_the_same() -> None:
    """One with a length is false while it is empty; that says nothing about it."""

    class Empty(Quiet):
        made = 0

        def __len__(self) -> int:
            return 0

    known = offering(Empty)
    adopted = Empty()
    name = known.adopt(Kind.ANALYZER, adopted)

    assert known.get(Analyzer, "acme") is known.get(Analyzer, "acme")
    assert known.get(Analyzer, name) is adopted
    assert Empty.made == 2


def test_a_factory_may_be_an_import_string(site: Site) -> None:
    """Its module is imported when the name is asked for, and not before."""
    source = """
from codeflow_engine.contracts import Analyzer

class Acme(Analyzer):
    async def analyze(self, analysis, sandbox): ...
"""
    (site.path / "acme_lazy.py").write_text(source)
    known = offering("acme_lazy:Acme")
    assert "acme_lazy" not in sys.modules

    found = known.get(Analyzer, "acme")

    assert type(found) is sys.modules["acme_lazy"].Acme


def test_a_missing_package_says_what_to_install(site: Site) -> None:
    """The error names the requirement, in words and as an attribute."""
    (site.path / "acme_sdk_user.py").write_text("import acme_sdk_that_is_not_here\n")

    error = refusal_of_dependency(offering("acme_sdk_user:Acme", requires="codeflow-acme[sdk]"))

    assert error.requires == "codeflow-acme[sdk]"
    assert error.message == (
        "analyzer 'acme' needs a package that is not installed "
        "(No module named 'acme_sdk_that_is_not_here'); "
        "install it with: pip install 'codeflow-acme[sdk]'"
    )


def refusal_of_dependency(known: Backends) -> MissingDependencyError:
    with pytest.raises(MissingDependencyError) as caught:
        known.get(Analyzer, "acme")
    return caught.value


def test_a_whole_package_that_is_missing_says_what_to_install() -> None:
    """A factory may stand in the very package that has to be installed."""
    error = refusal_of_dependency(offering("acme_gone.backend:Acme", requires="acme-gone"))

    assert error.requires == "acme-gone"


def test_a_package_that_the_constructor_misses_says_what_to_install() -> None:
    """Some import their SDK when they are made."""

    def make() -> Analyzer:
        raise ImportError("cannot import name 'Client' from 'acme_sdk'")

    assert refusal_of_dependency(offering(make, requires="acme-sdk>=2")).requires == "acme-sdk>=2"


def test_a_package_of_another_version_says_what_to_install(site: Site) -> None:
    """It is there, and what is wanted of it is not."""
    (site.path / "acme_outdated.py").write_text("from json import no_such_thing\n")

    error = refusal_of_dependency(offering("acme_outdated:Acme", requires="acme-sdk>=2"))

    assert "cannot import name 'no_such_thing' from 'json'" in error.message


def test_a_missing_module_without_a_hint_is_the_plugins_failure(site: Site) -> None:
    """Nobody said what could be installed, so the error names the plugin."""
    (site.path / "acme_unhinted.py").write_text("import acme_sdk_that_is_not_here\n")

    error = refusal(offering("acme_unhinted:Acme"))

    assert error.message == (
        f"{ORIGIN}: analyzer 'acme' cannot be imported: No module named 'acme_sdk_that_is_not_here'"
    )


@pytest.mark.parametrize(
    ("factory", "told"),
    [
        ("codeflow_engine.contracts.anlyzer:Analyzer", "there is no module "),
        ("codeflow_engine.contract.analyzer:Analyzer", "there is no module "),
        ("codeflow_engine.contracts:Anlyzer", "has no attribute 'Anlyzer'"),
        ("codeflow_engine.contracts.Analyzer", "is not of the form package.module:attribute"),
        (":Analyzer", "is not of the form package.module:attribute"),
        ("codeflow_engine:", "is not of the form package.module:attribute"),
        (".relative:Analyzer", "TypeError: "),
    ],
)
def test_an_import_string_with_a_slip_is_the_plugins_failure(factory: str, told: str) -> None:
    """No package that could be installed would help, so none is asked for."""
    error = refusal(offering(factory, requires="codeflow-acme[sdk]"))

    assert not isinstance(error, MissingDependencyError)
    assert error.message.startswith(f"{ORIGIN}: ")
    assert told in error.message


class Panic(BaseException):
    """What an extension written in Rust raises."""


@pytest.mark.parametrize(
    "error",
    [RuntimeError("boom"), SystemExit(3), Panic("lost"), asyncio.CancelledError()],
    ids=lambda error: type(error).__name__,
)
def test_a_factory_that_raises_is_the_plugins_failure(error: BaseException) -> None:
    """Whatever comes out of it, the error names the plugin and keeps the cause."""

    def make() -> Analyzer:
        raise error

    caught = refusal(offering(make))

    assert caught.message.startswith(
        f"{ORIGIN}: analyzer 'acme' cannot be created: {type(error).__name__}"
    )
    assert caught.__cause__ is error


def test_a_module_that_leaves_the_interpreter_is_the_plugins_failure(site: Site) -> None:
    """`sys.exit` at import does not end the host."""
    (site.path / "acme_leaving.py").write_text("import sys; sys.exit('no licence')\n")

    assert refusal(offering("acme_leaving:Acme")).message == (
        f"{ORIGIN}: analyzer 'acme' cannot be created: SystemExit: no licence"
    )


def test_an_interrupt_reaches_the_user() -> None:
    """Ctrl-C while a backend is made is not the plugin's failure."""

    def make() -> Analyzer:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        offering(make).get(Analyzer, "acme")


def test_an_error_of_ours_from_a_factory_stays_as_it_is() -> None:
    """A factory that finds its settings wrong says so in our own words."""
    error = ConfigurationError("acme: the url has no host")

    def make() -> Analyzer:
        raise error

    with pytest.raises(ConfigurationError) as caught:
        offering(make).get(Analyzer, "acme")
    assert caught.value is error


async def make_later() -> Analyzer:
    return Quiet()


@pytest.mark.parametrize(
    ("factory", "told"),
    [
        (lambda: None, "is a NoneType, which does not derive from Analyzer"),
        (lambda: "quiet", "is a str, which does not derive from Analyzer"),
        (Watching, "is a Watching, which does not derive from Analyzer"),
        (lambda: Quiet, "is a ABCMeta, which does not derive from Analyzer"),
        (make_later, "is a coroutine, which does not derive from Analyzer"),
        (Quiet(), "cannot be created: TypeError: "),
        (Analyzer, "cannot be created: TypeError: Can't instantiate abstract class"),
        ("codeflow_engine:__doc__", "cannot be created: TypeError: 'str' object is not callable"),
    ],
    ids=["none", "text", "other kind", "class", "async", "object", "abstract", "not callable"],
)
def test_a_factory_of_a_wrong_type_is_the_plugins_failure(factory: Any, told: str) -> None:
    """What comes out has to be what it was offered as."""
    assert told in refusal(offering(factory)).message


def test_a_failure_is_not_kept() -> None:
    """A backend that could not be made once is tried again, and not half there."""
    answers: list[Any] = [None, Quiet()]
    known = offering(lambda: answers.pop(0))

    refusal(known)

    assert isinstance(known.get(Analyzer, "acme"), Quiet)


def test_a_conflict_is_told_when_asked_for() -> None:
    """The owners of the name are named; other names work."""

    def register(registry: PluginRegistry) -> None:
        for name in ("acme", "acme", "fine"):
            registry.add_analyzer(name, Quiet)

    known = Backends(load_plugins([Offering(register)], allow=()).registry, {})

    assert isinstance(refusal(known), PluginConflictError)
    assert isinstance(known.get(Analyzer, "fine"), Quiet)


def test_an_unknown_name_lists_the_known_ones() -> None:
    """A slip in a name is told with what there is."""
    error = refusal(offering(Quiet), "acne")

    assert isinstance(error, UnknownBackendError)
    assert error.known == ("acme", "bandit", "hygiene", "imported", "ruff", "secrets")


def test_names_are_those_of_offers_and_of_adopted_ones() -> None:
    """All that can be asked for, sorted, of one kind alone."""
    known = offering(Quiet)
    known.adopt(Kind.ANALYZER, Quiet())
    known.adopt(Kind.OBSERVER, Watching())

    assert known.names(Kind.ANALYZER) == (
        "acme",
        "bandit",
        "hygiene",
        "imported",
        "quiet",
        "ruff",
        "secrets",
    )
    assert known.names(Kind.OBSERVER) == ("watching",)


def test_an_object_of_the_host_is_used_as_it_is() -> None:
    """It is found under its own name, and hides an offer of that name here alone."""
    hidden = backends(lambda registry: registry.add_analyzer("quiet", make_later))
    mine = Quiet()

    assert hidden.adopt(Kind.ANALYZER, mine) == "quiet"
    assert hidden.get(Analyzer, "quiet") is mine


def test_several_objects_of_one_class_are_all_kept() -> None:
    """The second one does not take the place of the first."""
    known = backends()
    objects = [Quiet(), Quiet(), Quiet()]

    names = [known.adopt(Kind.ANALYZER, one) for one in objects]

    assert len(set(names)) == 3
    assert [known.get(Analyzer, name) for name in names] == objects


@pytest.mark.parametrize(
    "wrong",
    [Quiet, object(), "quiet", None, Watching()],
    ids=["class", "object", "text", "none", "other kind"],
)
def test_an_object_that_is_none_of_its_kind_is_refused(wrong: Any) -> None:
    """It has to derive from the contract of the kind."""
    with pytest.raises(ConfigurationError, match="is no analyzer: it does not derive from"):
        backends().adopt(Kind.ANALYZER, wrong)


async def test_backends_are_closed_newest_first_and_adopted_ones_never() -> None:
    """What came last may rest on what came before, and a host closes its own."""
    order: list[str] = []

    def make(name: str) -> Callable[[], Analyzer]:
        class Closing(Quiet):
            async def aclose(self) -> None:
                order.append(name)

        return Closing

    def register(registry: PluginRegistry) -> None:
        for name in "abc":
            registry.add_analyzer(name, make(name))

    known = backends(register)
    mine = Quiet()
    known.adopt(Kind.ANALYZER, mine)
    for name in ("b", "a", "quiet"):
        known.get(Analyzer, name)

    await known.aclose()
    await known.aclose()

    assert order == ["a", "b"]
    assert mine.closed == 0


@pytest.mark.parametrize(
    "error",
    [OSError("gone"), SystemExit(3), asyncio.CancelledError()],
    ids=lambda error: type(error).__name__,
)
async def test_every_backend_is_closed_even_if_others_fail(error: BaseException) -> None:
    """All failures are told together, after the last one was asked to close."""
    closed: list[str] = []

    class Failing(Quiet):
        async def aclose(self) -> None:
            raise error

    class Closing(Quiet):
        async def aclose(self) -> None:
            closed.append("closing")

    def register(registry: PluginRegistry) -> None:
        registry.add_analyzer("first", Failing)
        registry.add_analyzer("second", Closing)
        registry.add_analyzer("third", Failing)

    known = backends(register)
    for name in ("first", "second", "third"):
        known.get(Analyzer, name)

    with pytest.raises(PluginError) as caught:
        await known.aclose()

    kind = type(error).__name__
    assert closed == ["closing"]
    assert caught.value.message.startswith(f"analyzer 'third' failed to close: {kind}")
    assert f"; analyzer 'first' failed to close: {kind}" in caught.value.message
    await known.aclose()


async def test_the_cancellation_of_closing_goes_through() -> None:
    """Who gives up waiting is not told a failure; the rest can be closed afterwards."""
    closed: list[str] = []

    class Hanging(Quiet):
        async def aclose(self) -> None:
            await asyncio.sleep(30)

    class Closing(Quiet):
        async def aclose(self) -> None:
            closed.append("closing")

    def register(registry: PluginRegistry) -> None:
        registry.add_analyzer("first", Closing)
        registry.add_analyzer("second", Hanging)

    known = backends(register)
    for name in ("first", "second"):
        known.get(Analyzer, name)
    task = asyncio.create_task(known.aclose())
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    await known.aclose()
    assert closed == ["closing"]


def test_a_workflow_is_loaded_and_not_called() -> None:
    """What is offered as a workflow is a value, and every caller gets the same one."""
    workflow: Any = object()
    known = backends(lambda registry: registry.add_workflow("acme", workflow))

    assert known.load(Kind.WORKFLOW, "acme") is workflow


def test_the_problem_of_an_offer_can_be_asked_for() -> None:
    """An overview tells what cannot be used now, and why, without making anything."""

    class Never(Quiet):
        def __init__(self) -> None:
            raise AssertionError("made")

    def register(registry: PluginRegistry) -> None:
        registry.add_analyzer("fine", Never)
        registry.add_analyzer("gone", "acme_gone:Acme", requires="acme-gone")
        registry.add_llm("twice", "a:B")
        registry.add_llm("twice", "a:B")

    loaded = load_plugins([Offering(register)], allow=())
    plugins = Plugins(loaded, Backends(loaded.registry, {}))
    problems = {
        info.name: type(plugins.problem(info)) for info in plugins.backends if info.origin == ORIGIN
    }

    assert problems == {
        "fine": type(None),
        "gone": MissingDependencyError,
        "twice": PluginConflictError,
    }
    assert [failure.origin for failure in plugins.failures] == [ORIGIN]


def test_two_engines_share_no_backend() -> None:
    """Each makes its own, from the same offers."""
    loaded = load_plugins([Offering(lambda registry: registry.add_analyzer("acme", Quiet))])
    first, second = Backends(loaded.registry, {}), Backends(loaded.registry, {})
    first.adopt(Kind.ANALYZER, Quiet())

    assert first.get(Analyzer, "acme") is not second.get(Analyzer, "acme")
    assert "quiet" not in second.names(Kind.ANALYZER)


def test_a_name_belongs_to_its_kind() -> None:
    """An analyzer is not found where a model is asked for."""
    with pytest.raises(UnknownBackendError, match="no llm is named 'acme'"):
        offering(Quiet).get(LLM, "acme")
