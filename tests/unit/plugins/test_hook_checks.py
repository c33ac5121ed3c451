from __future__ import annotations

import functools
from typing import Any

import pytest

from codeflow_engine import hookimpl
from codeflow_engine.errors import PluginError
from codeflow_engine.plugins.loader import LoadedPlugins, load_plugins

KNOWN = "codeflow_modify_findings, codeflow_register, codeflow_run_event"


def refusal(plugin: object) -> str:
    (failure,) = load_plugins([plugin]).failures
    assert isinstance(failure.error, PluginError)
    prefix = f"in-process {type(plugin).__name__} #1: "
    assert failure.error.message.startswith(prefix)
    return failure.error.message.removeprefix(prefix)


def test_a_misspelt_hook_is_refused() -> None:
    """Nobody would never call it, so its author has to hear of it."""

    class Plugin:
        @hookimpl
        def codeflow_reigster(self, registry: Any) -> None: ...

    assert refusal(Plugin()) == f"there is no hook 'codeflow_reigster'; known: {KNOWN}"


def test_a_hook_of_a_later_engine_may_be_marked_as_optional() -> None:
    """A plugin for several versions says so by `optionalhook`, and loads."""

    class Plugin:
        @hookimpl(optionalhook=True)
        def codeflow_hook_of_tomorrow(self) -> None: ...

    assert not load_plugins([Plugin()]).failures


@pytest.mark.parametrize("kind", ["method", "static", "class", "partial", "callable"])
def test_a_hook_without_the_mark_is_refused(kind: str) -> None:
    """Whatever is named like a hook and can be called carries the mark, or never runs."""

    def plain(registry: Any) -> None: ...

    class Callable:
        def __call__(self, registry: Any) -> None: ...

    class Plugin:
        codeflow_register: Any = {
            "method": plain,
            "static": staticmethod(plain),
            "class": classmethod(plain),
            "partial": functools.partial(plain),
            "callable": Callable(),
        }[kind]

    assert refusal(Plugin()) == "codeflow_register lacks the codeflow_engine.hookimpl mark"


@pytest.mark.parametrize("kind", ["static", "class", "function"])
def test_a_marked_function_of_any_kind_is_called(kind: str) -> None:
    """Methods, static and class methods, and functions of an object are hooks alike."""
    calls: list[str] = []

    class Plugin:
        if kind == "static":

            @staticmethod
            @hookimpl
            def codeflow_register(registry: Any) -> None:
                calls.append(registry.origin)

        if kind == "class":

            @classmethod
            @hookimpl
            def codeflow_register(cls, registry: Any) -> None:
                calls.append(registry.origin)

    plugin = Plugin()
    if kind == "function":

        @hookimpl
        def register(registry: Any) -> None:
            calls.append(registry.origin)

        plugin.codeflow_register = register  # type: ignore[attr-defined]  # made at run time

    assert not load_plugins([plugin]).failures
    assert calls == ["in-process Plugin #1"]


def test_a_hook_may_have_a_name_of_its_own() -> None:
    """With `specname` the function is called for the hook that it names."""
    calls: list[str] = []

    class Plugin:
        @hookimpl(specname="codeflow_register")
        def codeflow_acme_register(self, registry: Any) -> None:
            calls.append(registry.origin)

    assert not load_plugins([Plugin()]).failures
    assert calls == ["in-process Plugin #1"]


def test_wrong_argument_names_are_refused() -> None:
    """A hook is called by the names of its specification."""

    class Plugin:
        @hookimpl
        def codeflow_register(self, reg: Any) -> None: ...

    told = refusal(Plugin())

    assert told.startswith("cannot be registered: PluginValidationError: ")
    assert "{'reg'}" in told


@pytest.mark.parametrize("style", ["wrapper", "hookwrapper"])
def test_a_wrapper_is_refused(style: str) -> None:
    """A wrapper would hold the calls of other plugins in its hands."""

    class Plugin:
        @hookimpl(**{style: True})
        def codeflow_modify_findings(self, findings: Any) -> Any:
            yield

    assert refusal(Plugin()) == "codeflow_modify_findings cannot be a wrapper"


class AsyncRegister:
    @hookimpl
    async def codeflow_register(self, registry: Any) -> None: ...


class AsyncRegisterUnderAnotherName:
    @hookimpl(specname="codeflow_register")
    async def offer(self, registry: Any) -> None: ...


class AsyncModify:
    @hookimpl
    async def codeflow_modify_findings(self, findings: Any) -> Any: ...


class GeneratingRegister:
    @hookimpl
    def codeflow_register(self, registry: Any) -> Any:
        yield


class GeneratingObserver:
    @hookimpl
    async def codeflow_run_event(self, event: Any) -> Any:
        yield


@pytest.mark.parametrize(
    ("plugin", "told"),
    [
        (AsyncRegister(), "codeflow_register cannot be async"),
        (AsyncRegisterUnderAnotherName(), "codeflow_register cannot be async"),
        (AsyncModify(), "codeflow_modify_findings cannot be async"),
        (GeneratingRegister(), "codeflow_register cannot be a generator"),
        (GeneratingObserver(), "codeflow_run_event cannot be a generator"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_hook_whose_body_would_never_run_is_refused(plugin: object, told: str) -> None:
    """A coroutine that nobody awaits and a generator that nobody reads do nothing."""
    assert refusal(plugin) == told


def test_an_observing_hook_may_be_async() -> None:
    """`codeflow_run_event` is the one that is awaited."""

    class Plugin:
        @hookimpl
        async def codeflow_run_event(self, event: Any) -> None: ...

    assert not load_plugins([Plugin()]).failures


@pytest.mark.parametrize("answer", ["coroutine", "value"])
def test_a_registration_that_returns_something_is_refused(answer: str) -> None:
    """A decorated coroutine function looks synchronous, and its body has not run."""

    async def later() -> None: ...

    class Plugin:
        @hookimpl
        def codeflow_register(self, registry: Any) -> Any:
            registry.add_analyzer("x", "codeflow_x:X")
            return later() if answer == "coroutine" else 42

    kind = "coroutine" if answer == "coroutine" else "int"
    loaded = load_plugins([Plugin()])

    assert loaded.failures[0].error.message.endswith(
        f"codeflow_register returned a {kind} instead of None"
    )
    assert "x" not in {offer.name for offer in loaded.registry.offers}


@pytest.mark.parametrize("plugin", [object(), None, "codeflow_acme", 42])
def test_what_implements_no_hook_is_refused(plugin: object) -> None:
    """An object that does nothing is a mistake, such as a name in the place of a module."""
    assert refusal(plugin) == f"it implements no hook; known: {KNOWN}"


def test_a_property_of_a_plugin_is_never_evaluated() -> None:
    """Looking for hooks runs no code of the plugin."""

    class Plugin:
        @property
        def codeflow_data(self) -> str:
            raise AssertionError("evaluated")

        @hookimpl
        def codeflow_register(self, registry: Any) -> None: ...

    assert not load_plugins([Plugin()]).failures


def test_a_class_in_the_place_of_its_object_is_refused() -> None:
    """Its hooks have nothing to be bound to."""

    class Plugin:
        @hookimpl
        def codeflow_register(self, registry: Any) -> None: ...

    (failure,) = load_plugins([Plugin]).failures

    assert failure.origin == "in-process Plugin #1"
    assert "TypeError" in failure.error.message


def test_the_same_object_twice_is_registered_once() -> None:
    """Its hooks are called once, and the second entry is told as a failure."""
    calls: list[str] = []

    class Plugin:
        @hookimpl
        def codeflow_register(self, registry: Any) -> None:
            calls.append(registry.origin)

        def __repr__(self) -> str:
            return "Plugin(token='hunter2')"

    plugin = Plugin()
    loaded = load_plugins([plugin, plugin])

    assert calls == ["in-process Plugin #1"]
    assert [failure.error.message for failure in loaded.failures] == [
        "in-process Plugin #2: it is registered already, as in-process Plugin #1"
    ]


def test_several_objects_of_one_class_are_several_plugins() -> None:
    """Each has a state of its own, and registers under its own number."""
    calls: list[str] = []

    class Plugin:
        @hookimpl
        def codeflow_register(self, registry: Any) -> None:
            calls.append(registry.origin)

    assert not load_plugins([Plugin(), Plugin()]).failures
    assert calls == ["in-process Plugin #1", "in-process Plugin #2"]


def test_a_module_is_a_plugin() -> None:
    """Functions at the top of a module are its hooks, and its name names it."""
    from codeflow_engine.plugins import builtin

    loaded = load_plugins([builtin])

    (failure,) = loaded.failures
    assert failure.origin == "in-process codeflow_engine.plugins.builtin #1"
    assert failure.error.message.endswith("it is registered already, as shipped")


@pytest.mark.parametrize("equal", ["always", "raises"])
def test_plugins_are_never_compared_with_each_other(equal: str) -> None:
    """Equal objects are two plugins, and an `__eq__` that raises harms nobody."""
    calls: list[str] = []

    class Plugin:
        def __eq__(self, other: object) -> bool:
            if equal == "raises":
                raise RuntimeError("no comparison")
            return True

        __hash__ = None  # type: ignore[assignment]  # as Python sets it beside __eq__

        @hookimpl
        def codeflow_register(self, registry: Any) -> None:
            calls.append(registry.origin)

    assert not load_plugins([Plugin(), Plugin()]).failures
    assert calls == ["in-process Plugin #1", "in-process Plugin #2"]


def test_an_interrupt_during_registration_reaches_the_user() -> None:
    """Ctrl-C is not taken for a failure of the plugin."""

    class Plugin:
        @hookimpl
        def codeflow_register(self, registry: Any) -> None:
            raise KeyboardInterrupt

    loaded = LoadedPlugins()
    with pytest.raises(KeyboardInterrupt):
        loaded.add(Plugin(), "interrupted")
    assert loaded.implementations("codeflow_register") == []
