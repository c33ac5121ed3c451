"""Calls the hooks of plugins, one by one; what one of them raises stays with it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from codeflow_engine.contracts import Observer
from codeflow_engine.domain.change import Change
from codeflow_engine.domain.finding import Finding
from codeflow_engine.domain.run import RunEvent
from codeflow_engine.plugins.containment import is_foreign, tell
from codeflow_engine.plugins.loader import LoadedPlugins
from codeflow_engine.telemetry.logging import EngineLog

__all__ = ["HookDispatch"]


class HookDispatch:
    """The way from the engine to its observers and finding-modifying plugins."""

    def __init__(
        self, plugins: LoadedPlugins, observers: Sequence[Observer], log: EngineLog
    ) -> None:
        self._log = log
        self._watching = plugins.implementations("codeflow_run_event")
        self._observers = observers
        self._modifying = plugins.implementations("codeflow_modify_findings")

    async def notify(self, event: RunEvent) -> None:
        """Tell every observer, and wait for those that are async."""
        for origin, watch in self._watching:
            await self._contained(origin, event, partial(watch, event=event))
        for observer in self._observers:
            call = partial(observer.on_event, event)
            await self._contained(type(observer).__name__, event, call)

    async def _contained(self, origin: str, event: RunEvent, call: Callable[[], Any]) -> None:
        try:
            answer = call()
            if inspect.isawaitable(answer):
                await answer
        except BaseException as error:
            if not is_foreign(error):
                raise
            self._failed(origin, "codeflow_run_event", event.run_id, error)

    def modify_findings(
        self, run_id: str, findings: tuple[Finding, ...], change: Change
    ) -> tuple[Finding, ...]:
        """Let every plugin change the findings in turn."""
        for origin, modify in self._modifying:
            try:
                findings = _checked(modify(findings=findings, change=change))
            except BaseException as error:
                if not is_foreign(error):
                    raise
                self._failed(origin, "codeflow_modify_findings", run_id, error)
        return findings

    def _failed(self, origin: str, hook: str, run_id: str, error: BaseException) -> None:
        self._log.warning(
            "a plugin's hook failed",
            plugin=origin,
            hook=hook,
            run_id=run_id,
            error=tell(error),
        )


def _checked(answer: object) -> tuple[Finding, ...]:
    if isinstance(answer, tuple) and all(isinstance(item, Finding) for item in answer):
        return answer
    if inspect.iscoroutine(answer):
        answer.close()
    raise TypeError(f"a tuple of findings was expected, not a {type(answer).__name__}")
