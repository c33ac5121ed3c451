"""How the parts of an engine come together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from codeflow_engine.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from codeflow_engine.contracts import Backend, Journal, Meter, Storage
    from codeflow_engine.domain.budget import Budget
    from codeflow_engine.domain.journal import RunLimits
    from codeflow_engine.engine.options import EngineOptions
    from codeflow_engine.engine.taping import Taping
    from codeflow_engine.plugins.backends import Backends
    from codeflow_engine.plugins.loader import LoadedPlugins
    from codeflow_engine.runs.executor import Executor
    from codeflow_engine.runs.toolbox import Toolbox
    from codeflow_engine.settings import Executes, Settings

__all__ = ["choose", "executor", "wire"]

_THREADS = 4
"""Worker threads of one engine, for computation over large changes."""


def choose(settings: Settings, backends: Backends, options: EngineOptions) -> Settings:
    """Put what a host has brought in the place of what was set.

    Raises:
        ConfigurationError: Something of it is of a wrong kind.
    """
    from codeflow_engine.plugins.registry import Kind

    def name(kind: Kind, given: object, default: str) -> str:
        return backends.choose(kind, default if given is None else given)

    def names(
        kind: Kind, given: Iterable[str | Backend] | None, default: tuple[str, ...] | None
    ) -> tuple[str, ...] | None:
        if given is None:
            return default
        return tuple(backends.choose(kind, one) for one in given)

    storage = settings.storage or "memory"
    carrier = options.get("workflows")
    chosen: dict[str, Any] = {
        "storage": name(Kind.STORAGE, options.get("storage"), storage),
        "cache": name(Kind.CACHE, options.get("cache"), settings.cache),
        "vcs": name(Kind.VCS, options.get("vcs"), settings.vcs),
        "workflows": name(Kind.WORKFLOW_BACKEND, carrier, settings.workflows),
        "executes": _executes(options.get("executes"), settings.executes),
        "analyzers": names(Kind.ANALYZER, options.get("analyzers"), settings.analyzers),
        "observers": names(Kind.OBSERVER, options.get("observers"), settings.observers),
        "llm": names(Kind.LLM, _listed(options.get("llm")), settings.llm),
        "budgets": _budgets(options.get("budget"), settings.budgets),
        "limits": _limits(settings.limits),
    }
    return replace(settings, **chosen)


def _listed(given: Any) -> Iterable[Any] | None:
    """Give one model as a list of one."""
    is_one = isinstance(given, str) or not hasattr(given, "__iter__")
    return [given] if is_one and given is not None else given


def _budgets(
    given: Budget | Mapping[str, Budget] | None, default: dict[str, Budget]
) -> dict[str, Budget]:
    from codeflow_engine.domain.budget import Budget

    if given is None:
        return default
    brought = {"run": given} if isinstance(given, Budget) else dict(given)
    for kind, budget in brought.items():
        if not isinstance(budget, Budget):
            raise ConfigurationError(
                f"the budget of {kind!r} has to be a Budget, not a {type(budget).__name__}"
            )
    return {**default, **brought}


def _limits(given: Mapping[str, RunLimits]) -> dict[str, RunLimits]:
    """Let one plan at a time be applied to a change, whatever else is set.

    Two that look whether a summary is there at the same moment would both write one.
    """
    from codeflow_engine.domain.journal import RunLimits

    return {**given, "apply": replace(given.get("apply", RunLimits()), partition=1)}


def wire(
    settings: Settings,
    loaded: LoadedPlugins,
    backends: Backends,
    options: EngineOptions,
    *,
    taping: Taping,
) -> Toolbox:
    """Put together what the engine lends to its runs."""
    from pathlib import Path

    from codeflow_engine.contracts import LLM, Cache, Observer, Storage
    from codeflow_engine.engine.models import Ground, gateway
    from codeflow_engine.engine.threads import Threads
    from codeflow_engine.pace.clock import Clock
    from codeflow_engine.plugins.dispatch import HookDispatch
    from codeflow_engine.prompts import Prompts
    from codeflow_engine.redaction import Redactor
    from codeflow_engine.runs.sealing import SealedJournal
    from codeflow_engine.runs.toolbox import Toolbox
    from codeflow_engine.telemetry.eyes import Eyes
    from codeflow_engine.telemetry.logging import EngineLog

    redactor = Redactor(secrets=(*options.get("secrets", ()), *backends.passwords))
    clock = taping.begin(settings, redactor, options.get("clock") or Clock())
    taping.backends(backends, settings, clock)
    log = EngineLog(options.get("logger"), redactor)
    for failure in loaded.failures:
        log.warning("plugin is not in use", plugin=failure.origin, error=failure.error.message)
    observers = [backends.get(Observer, name) for name in settings.observers]
    storage = backends.get(Storage, settings.storage or "memory")
    threads = Threads(_THREADS, thread_name_prefix="codeflow")
    journal = SealedJournal(_journal(storage, backends), redactor, threads)
    meter = _meter(storage, backends)
    eyes = Eyes(
        options.get("tracer_provider"),
        options.get("meter_provider"),
        redactor=redactor,
        monotonic=clock.monotonic,
        models=[backends.get(LLM, name).model for name in settings.llm],
    )
    ground = Ground(
        settings=settings,
        journal=journal,
        meter=meter,
        backends=backends,
        redactor=redactor,
        eyes=eyes,
        log=log,
        clock=clock,
        threads=threads,
    )
    return Toolbox(
        settings=settings,
        storage=taping.storage(storage),
        journal=journal,
        meter=meter,
        cache=backends.get(Cache, settings.cache),
        vcs=settings.vcs,
        sandbox=taping.sandbox(settings),
        redactor=redactor,
        backends=backends,
        hooks=HookDispatch(loaded, observers, log, patience=settings.observer_timeout),
        log=log,
        eyes=eyes,
        clock=clock,
        threads=threads,
        models=taping.models(gateway(ground)),
        prompts=Prompts(None if settings.prompts is None else Path(settings.prompts)),
        points=options.get("points"),
    )


def _journal(storage: Storage, backends: Backends) -> Journal:
    """Give the journal of a storage, or one in memory beside a storage that has none."""
    from codeflow_engine.contracts import Journal, Storage, StorageCapability
    from codeflow_engine.runs.mirroring import MirroredJournal

    if StorageCapability.JOURNAL not in storage.capabilities:
        memory = backends.get(Storage, "memory")
        assert isinstance(memory, Journal)  # noqa: S101 - the shipped one is
        return MirroredJournal(memory, storage)
    if not isinstance(storage, Journal):
        raise ConfigurationError(
            f"the storage {type(storage).__name__} says that it keeps a journal, and does not "
            f"derive from Journal"
        )
    return storage


def _meter(storage: Storage, backends: Backends) -> Meter:
    """Give the meter of a storage, or one in memory beside a storage that has none."""
    from codeflow_engine.contracts import Meter, Storage, StorageCapability

    if StorageCapability.METER not in storage.capabilities:
        storage = backends.get(Storage, "memory")
    if not isinstance(storage, Meter):
        raise ConfigurationError(
            f"the storage {type(storage).__name__} says that it is a meter, and does not "
            f"derive from Meter"
        )
    return storage


def executor(tools: Toolbox) -> Executor:
    """Make what executes the runs of an engine, on the workflow backend that was chosen."""
    from codeflow_engine.contracts import WorkflowBackend
    from codeflow_engine.runs.executor import Executor

    return Executor(tools, tools.backends.get(WorkflowBackend, tools.settings.workflows))


def _executes(given: str | None, default: Executes) -> Executes:
    from codeflow_engine.settings import Executes

    if given is None:
        return default
    try:
        return Executes(given)
    except ValueError:
        known = ", ".join(Executes)
        raise ConfigurationError(f"an engine executes {known}, not {given!r}") from None
