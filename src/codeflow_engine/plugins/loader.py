"""Loads plugins one by one, so that a broken one harms nobody else.

pluggy's own bulk load stops at the first entry point that fails and silently drops the
second of two with equal names; here each is loaded, checked and registered alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pluggy

from codeflow_engine.errors import PluginError
from codeflow_engine.plugins import builtin
from codeflow_engine.plugins.containment import is_foreign, tell
from codeflow_engine.plugins.implementations import HeldPlugin, HookTable, by_keyword, check_hooks
from codeflow_engine.plugins.installed import find_installed
from codeflow_engine.plugins.registry import SHIPPED, BackendInfo, PluginRegistry, Registry

__all__ = ["LoadedPlugins", "PluginFailure", "load_plugins"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginFailure:
    """Why a plugin, or one of its offers, is not in use."""

    origin: str
    error: PluginError


class LoadedPlugins:
    """The plugins of one engine: its hooks, its registry, and what went wrong."""

    def __init__(self) -> None:
        self.registry: Registry = Registry()
        self.failures: list[PluginFailure] = []
        self._hooks = HookTable()

    def implementations(self, hook: str) -> list[tuple[str, Callable[..., Any]]]:
        """List (origin, function) in the order of calling; functions take keywords."""
        caller = getattr(self._hooks.hook, hook)
        return [
            (implementation.plugin_name, by_keyword(implementation))
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
        held: HeldPlugin | None = None
        try:
            self._refuse_twice(plugin, origin)
            held = self._hooks.hold(plugin)
            self._hooks.register(held, name=origin)
            check_hooks(self._hooks, held, origin)
            offers = self._collect_offers(held, origin)
        except BaseException as error:
            if held is not None:
                self._hooks.unregister(name=origin)
            if isinstance(error, PluginError) or not is_foreign(error):
                raise
            raise PluginError(f"{origin}: cannot be registered: {tell(error)}") from error
        for problem in self.registry.accept(offers):
            self.fail(origin, problem)

    def _refuse_twice(self, plugin: object, origin: str) -> None:
        for name, held in self._hooks.list_name_plugin():
            same = isinstance(held, HeldPlugin) and held.plugin is plugin
            if same or name == origin:
                raise PluginError(f"{origin}: it is registered already, as {name}")

    def _collect_offers(self, held: HeldPlugin, origin: str) -> tuple[BackendInfo, ...]:
        collected = PluginRegistry(origin)
        for implementation in self._hooks.hook.codeflow_register.get_hookimpls():
            if implementation.plugin is held:
                _call_register(implementation, collected)
        return collected.offers


def _call_register(implementation: pluggy.HookImpl, registry: PluginRegistry) -> None:
    answer = by_keyword(implementation)(registry=registry)
    if answer is None:
        return
    if inspect.iscoroutine(answer):
        # Its body has not run, and nobody will await it.
        answer.close()
    kind = type(answer).__name__
    raise PluginError(f"{registry.origin}: codeflow_register returned a {kind} instead of None")


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
    loaded.add(builtin, SHIPPED)
    installed, unreadable = find_installed(allow)
    for origin, error in unreadable:
        loaded.fail(origin, error)
    for found in installed:
        try:
            plugin = found.point.load()
        except BaseException as error:
            if not is_foreign(error):
                raise
            told = PluginError(f"{found.origin}: cannot be imported: {tell(error)}")
            told.__cause__ = error
            loaded.fail(found.origin, told)
            continue
        loaded.add(plugin, found.origin)
    for number, plugin in enumerate(plugins, 1):
        named = plugin.__name__ if isinstance(plugin, ModuleType | type) else type(plugin).__name__
        loaded.add(plugin, f"in-process {named} #{number}")
    return loaded
