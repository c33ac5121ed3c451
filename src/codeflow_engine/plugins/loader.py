"""Loads plugins one by one, so that a broken one harms nobody else.

pluggy's own bulk load stops at the first entry point that fails and silently drops the
second of two with equal names; here each is loaded, checked and registered alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from codeflow_engine.errors import PluginError
from codeflow_engine.plugins import builtin
from codeflow_engine.plugins.hooks import PROJECT, Hooks
from codeflow_engine.plugins.registry import PluginRegistry, Registry

__all__ = ["LoadedPlugins", "PluginFailure", "load_plugins"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginFailure:
    """Why a plugin, or one of its offers, is not in use."""

    origin: str
    error: PluginError


class LoadedPlugins:
    """The plugins of one engine: its hooks, its registry, and what went wrong."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.failures: list[PluginFailure] = []
        self._hooks = pluggy.PluginManager(PROJECT)
        self._hooks.add_hookspecs(Hooks)

    def implementations(self, hook: str) -> list[tuple[str, Callable[..., Any]]]:
        """List (origin, function) in the order of calling; functions take keywords."""
        caller = getattr(self._hooks.hook, hook)
        return [
            (implementation.plugin_name, _by_keyword(implementation))
            for implementation in reversed(caller.get_hookimpls())
        ]

    def add(self, plugin: object, origin: str) -> None:
        """Check and register one plugin; what is wrong with it goes to `failures`."""
        try:
            self._register(plugin, origin)
        except PluginError as error:
            self.fail(origin, error)

    def fail(self, origin: str, error: PluginError) -> None:
        """Record why a plugin is not in use."""
        self.failures.append(PluginFailure(origin=origin, error=error))

    def _register(self, plugin: object, origin: str) -> None:
        try:
            self._hooks.register(plugin, name=origin)
            _check_hooks(self._hooks, plugin, origin)
            offers = self._collect_offers(plugin, origin)
        except (Exception, SystemExit) as error:
            if self._hooks.has_plugin(origin):
                self._hooks.unregister(name=origin)
            raise _as_plugin_error(origin, "cannot be registered", error) from error
        for problem in self.registry.accept(offers):
            self.fail(origin, problem)

    def _collect_offers(self, plugin: object, origin: str) -> list[Any]:
        collected = PluginRegistry(origin)
        for implementation in self._hooks.hook.codeflow_register.get_hookimpls():
            if implementation.plugin is plugin:
                _by_keyword(implementation)(registry=collected)
        return collected.offers


def load_plugins(
    plugins: Iterable[object] = (), *, allow: Sequence[str] | None = None
) -> LoadedPlugins:
    """Load the shipped backends, the installed plugins, and those handed in.

    Args:
        plugins: Modules or objects of this process that carry hook implementations.
        allow: Names of distributions or entry points; any other installed plugin is not
            even imported. None allows all.
    """
    loaded = LoadedPlugins()
    loaded.add(builtin, "shipped")
    for point in _allowed(entry_points(group=PROJECT), allow):
        origin = _origin(point)
        try:
            plugin = point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
            loaded.fail(origin, _as_plugin_error(origin, "cannot be imported", error))
            continue
        loaded.add(plugin, origin)
    for number, plugin in enumerate(plugins, 1):
        name = getattr(plugin, "__name__", type(plugin).__name__)
        loaded.add(plugin, f"in-process {name} #{number}")
    return loaded


def _allowed(points: Iterable[EntryPoint], allow: Sequence[str] | None) -> list[EntryPoint]:
    found = sorted(points, key=lambda point: (_distribution(point), point.name))
    if allow is None:
        return found
    names = {name.lower().replace("_", "-") for name in allow}
    return [
        point
        for point in found
        if {_distribution(point), point.name.lower().replace("_", "-")} & names
    ]


def _distribution(point: EntryPoint) -> str:
    return point.dist.name.lower().replace("_", "-") if point.dist else ""


def _origin(point: EntryPoint) -> str:
    where = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
    return f"{where} ({point.name})"


def _as_plugin_error(origin: str, what: str, error: BaseException) -> PluginError:
    if isinstance(error, PluginError):
        return error
    return PluginError(f"{origin}: {what}: {type(error).__name__}: {error}")


def _check_hooks(manager: pluggy.PluginManager, plugin: object, origin: str) -> None:
    """Refuse misspelt, unmarked and unusable hooks, which pluggy would ignore."""
    known = sorted(name for name in vars(Hooks) if name.startswith("codeflow_"))
    callers = manager.get_hookcallers(plugin) or []
    for caller in callers:
        for implementation in caller.get_hookimpls():
            if implementation.plugin is not plugin:
                continue
            if not caller.has_spec() and not implementation.optionalhook:
                raise PluginError(
                    f"{origin}: there is no hook {caller.name!r}; known: {', '.join(known)}"
                )
            if implementation.hookwrapper or implementation.wrapper:
                raise PluginError(f"{origin}: {caller.name} cannot be a wrapper")
    marked = {caller.name for caller in callers}
    for name, member in inspect.getmembers(plugin):
        if name.startswith("codeflow_") and inspect.isroutine(member) and name not in marked:
            raise PluginError(f"{origin}: {name} lacks the codeflow_engine.hookimpl mark")
    for name in ("codeflow_register", "codeflow_modify_findings"):
        if name in marked and inspect.iscoroutinefunction(getattr(plugin, name, None)):
            raise PluginError(f"{origin}: {name} cannot be async")


def _by_keyword(implementation: pluggy.HookImpl) -> Callable[..., Any]:
    def call(**arguments: Any) -> Any:
        # A hook implementation may name fewer arguments than its specification has.
        return implementation.function(*(arguments[name] for name in implementation.argnames))

    return call
