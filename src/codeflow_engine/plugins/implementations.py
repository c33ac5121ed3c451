"""Checks the hook implementations of a plugin: pluggy ignores what it does not understand."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import pluggy

from codeflow_engine.errors import PluginError
from codeflow_engine.plugins.hooks import PROJECT, Hooks

__all__ = ["HeldPlugin", "HookTable", "by_keyword", "check_hooks"]

_PREFIX = "codeflow_"
_SYNCHRONOUS = frozenset({"codeflow_register", "codeflow_modify_findings"})


class HeldPlugin:
    """Stands for a plugin at pluggy, which compares the objects that it holds by `==`.

    That would run code of a plugin whenever another one is registered, and take two equal
    objects for one.
    """

    def __init__(self, plugin: object, options: Mapping[str, pluggy.HookimplOpts]) -> None:
        self.plugin = plugin
        self.options = options
        for name in options:
            setattr(self, name, getattr(plugin, name))


class HookTable(pluggy.PluginManager):
    """The hooks of one engine, and who implements them."""

    def __init__(self) -> None:
        super().__init__(PROJECT)
        self.add_hookspecs(Hooks)

    def hold(self, plugin: object) -> HeldPlugin:
        """Find the hook implementations of a plugin, without evaluating its properties."""
        find = super().parse_hookimpl_opts
        members = inspect.getmembers_static(plugin)
        found = {name: find(plugin, name) for name, member in members if _can_be_called(member)}
        return HeldPlugin(plugin, {name: opts for name, opts in found.items() if opts is not None})

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        """Tell pluggy what `hold` has found."""
        return plugin.options.get(name) if isinstance(plugin, HeldPlugin) else None


def check_hooks(hooks: HookTable, held: HeldPlugin, origin: str) -> None:
    """Refuse misspelt, unmarked and unusable hooks of a plugin that pluggy has registered.

    Raises:
        PluginError: One of its hooks would never be called, or it has none.
    """
    for caller in hooks.get_hookcallers(held) or ():
        for implementation in caller.get_hookimpls():
            if implementation.plugin is held:
                _check(caller, implementation, origin)
    for name, member in inspect.getmembers_static(held.plugin):
        if name.startswith(_PREFIX) and _can_be_called(member) and name not in held.options:
            raise PluginError(f"{origin}: {name} lacks the codeflow_engine.hookimpl mark")
    if not held.options:
        raise PluginError(f"{origin}: it implements no hook; known: {_known()}")


def by_keyword(implementation: pluggy.HookImpl) -> Callable[..., Any]:
    """Make a hook implementation callable with all arguments of its specification."""

    def call(**arguments: Any) -> Any:
        # An implementation may name fewer arguments than its specification has.
        return implementation.function(*(arguments[name] for name in implementation.argnames))

    return call


def _check(caller: pluggy.HookCaller, implementation: pluggy.HookImpl, origin: str) -> None:
    if not caller.has_spec() and not implementation.optionalhook:
        raise PluginError(f"{origin}: there is no hook {caller.name!r}; known: {_known()}")
    if implementation.hookwrapper or implementation.wrapper:
        raise PluginError(f"{origin}: {caller.name} cannot be a wrapper")
    function = implementation.function
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise PluginError(f"{origin}: {caller.name} cannot be a generator")
    if caller.name in _SYNCHRONOUS and inspect.iscoroutinefunction(function):
        raise PluginError(f"{origin}: {caller.name} cannot be async")


def _known() -> str:
    return ", ".join(sorted(name for name in vars(Hooks) if name.startswith(_PREFIX)))


def _can_be_called(member: object) -> bool:
    # A class method is no callable as it stands in its class; a property is never called.
    return callable(member) or isinstance(member, classmethod)
