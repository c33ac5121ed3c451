"""The hooks that a plugin may implement.

A plugin is a module or an object whose functions carry `codeflow_engine.hookimpl`. An
installed one is named by an entry point in the group `codeflow_engine`.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

import pluggy

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.finding import Finding
from codeflow_engine.domain.run import RunEvent

if TYPE_CHECKING:
    from codeflow_engine.plugins.registry import PluginRegistry

__all__ = ["PROJECT", "Hooks", "hookimpl"]

PROJECT = "codeflow_engine"
"""Name of the pluggy project, and of the entry-point group."""

_hookspec: pluggy.HookspecMarker = pluggy.HookspecMarker(PROJECT)
hookimpl: pluggy.HookimplMarker = pluggy.HookimplMarker(PROJECT)


class Hooks:
    """Specifications of the hooks; the docstrings are normative."""

    @_hookspec
    def codeflow_register(self, registry: PluginRegistry) -> None:
        """Offer backends and workflows under names; called once per engine.

        Synchronous, quick, without I/O: a factory given as an import string is loaded when
        its name is first asked for. If this raises, nothing of the plugin is kept.
        """

    @_hookspec
    def codeflow_run_event(self, event: RunEvent) -> Awaitable[None] | None:
        """Watch a run; may be `async`.

        Called for every event of every run of the engine, plugin after plugin. Whatever it
        raises is logged and changes nothing.
        """

    @_hookspec
    def codeflow_modify_findings(
        self, findings: tuple[Finding, ...], change: Change
    ) -> tuple[Finding, ...]:
        """Change, drop, add or reorder the findings of a review; return all that remain.

        Plugins are called one after the other, each with the result of the one before it;
        `tryfirst` and `trylast` set the order. Runs in a worker thread. If it raises or
        returns something else than a tuple of findings, its call is undone and logged. What
        it drops is counted in `Review.dropped` under its name.
        """
        return findings
