"""Calls the hooks of plugins, one by one; what one of them raises stays with it."""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from codeflow_engine.contracts import Observer
from codeflow_engine.domain.change import Change
from codeflow_engine.domain.finding import Finding
from codeflow_engine.domain.run import RunEvent, RunFinished
from codeflow_engine.domain.shape import is_sound
from codeflow_engine.plugins.containment import is_foreign, tell
from codeflow_engine.plugins.loader import LoadedPlugins
from codeflow_engine.telemetry.logging import EngineLog

__all__ = ["HookDispatch", "Modified"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Modified:
    """The findings that plugins left, and a count of what came and went with them."""

    findings: tuple[Finding, ...]
    dropped: dict[str, int] = field(default_factory=dict)
    """Findings that a plugin took away, by a reason that names it."""

    added: int = 0
    """Findings that were not there before the plugins were asked, or have a new identity."""


class HookDispatch:
    """The way from the engine to its observers and finding-modifying plugins.

    Args:
        plugins: Whose hooks are called.
        observers: Who is told of events beside them.
        log: Where their failures are told.
        patience: Seconds that one of them may take for one event.
    """

    def __init__(
        self,
        plugins: LoadedPlugins,
        observers: Sequence[Observer],
        log: EngineLog,
        *,
        patience: float = 5.0,
    ) -> None:
        self._log = log
        self._patience = patience
        self._given_up: set[tuple[str, int]] = set()
        """Runs and observers who took too long for an event of it: they are told no more."""

        self._watching = plugins.implementations("codeflow_run_event")
        self._observers = observers
        self._modifying = plugins.implementations("codeflow_modify_findings")

    @property
    def is_watched(self) -> bool:
        """Whether anybody is told of events."""
        return bool(self._watching or self._observers)

    async def notify(self, event: RunEvent) -> None:
        """Tell every observer, and wait for those that are async, but not for ever."""
        calls = [(origin, partial(watch, event=event)) for origin, watch in self._watching]
        calls += [(type(one).__name__, partial(one.on_event, event)) for one in self._observers]
        for number, (origin, call) in enumerate(calls):
            key = (event.run_id, number)
            if key not in self._given_up and not await self._contained(origin, event, call):
                self._given_up.add(key)
        if isinstance(event, RunFinished):
            self._given_up.difference_update((event.run_id, number) for number in range(len(calls)))

    async def _contained(self, origin: str, event: RunEvent, call: Callable[[], Any]) -> bool:
        """Call an observer; say whether it answered in time."""
        deadline = asyncio.timeout(self._patience)
        try:
            answer = call()
            if inspect.isawaitable(answer):
                async with deadline:
                    await answer
        except BaseException as error:
            if not is_foreign(error):
                raise
            self._failed(origin, "codeflow_run_event", event.run_id, error)
        return not deadline.expired()

    def modify_findings(
        self, run_id: str, findings: tuple[Finding, ...], change: Change
    ) -> Modified:
        """Let every plugin change the findings in turn, and count what it takes away."""
        dropped: Counter[str] = Counter()
        added = 0
        for origin, modify in self._modifying:
            before = Counter(finding.fingerprint for finding in findings)
            try:
                findings = _checked(modify(findings=findings, change=change))
            except BaseException as error:
                if not is_foreign(error):
                    raise
                self._failed(origin, "codeflow_modify_findings", run_id, error)
            after = Counter(finding.fingerprint for finding in findings)
            if gone := (before - after).total():
                dropped[f"dropped by plugin {origin}"] += gone
            added += (after - before).total()
        return Modified(findings=findings, dropped=dict(dropped), added=added)

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
        if not all(map(is_sound, answer)):
            raise TypeError("a finding has a field of a wrong type")
        return answer
    if inspect.iscoroutine(answer):
        answer.close()
    raise TypeError(f"a tuple of findings was expected, not a {type(answer).__name__}")
