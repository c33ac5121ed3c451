"""The engine: wiring, lifecycle and verbs; what they do lives in the rooms below.

Imports stand in functions: asyncio alone costs half of what `import Engine` may cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack

from codeflow_engine.errors import ConfigurationError

if TYPE_CHECKING:
    import logging
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    from codeflow_engine.contracts import (
        VCS,
        Analyzer,
        Backend,
        Cache,
        Journal,
        Observer,
        Pruned,
        Storage,
        WorkflowBackend,
    )
    from codeflow_engine.domain.change import Change
    from codeflow_engine.domain.diff import Diff
    from codeflow_engine.domain.dismissal import Dismissal
    from codeflow_engine.domain.effect import Plan, Receipt
    from codeflow_engine.domain.review import Review
    from codeflow_engine.domain.run import RunStatus
    from codeflow_engine.plugins.backends import Backends
    from codeflow_engine.plugins.loader import LoadedPlugins
    from codeflow_engine.plugins.overview import Plugins
    from codeflow_engine.plugins.registry import Kind
    from codeflow_engine.runs.clock import Clock
    from codeflow_engine.runs.context import Toolbox
    from codeflow_engine.runs.executor import Executor
    from codeflow_engine.runs.handle import AsyncRun
    from codeflow_engine.runs.live import LiveRun
    from codeflow_engine.runs.points import Points
    from codeflow_engine.runs.workflow import WorkflowFunction
    from codeflow_engine.sandbox import Isolation
    from codeflow_engine.settings import Executes, Settings

__all__ = ["AsyncEngine", "ChangeLike", "EngineOptions"]

type ChangeLike = str | bytes | os.PathLike[str] | Diff | Change
"""A repository's path, a patch (its path, text, bytes or `Diff`), or a `Change`."""


class EngineOptions(TypedDict, total=False):
    """What a host may bring to its engine. Whatever is left out comes from the settings."""

    storage: str | Storage | object | None
    """Where runs, reviews and findings are kept: a URL, a name, a storage that the host made,
    or an object of the host that a storage works with, such as a SQLAlchemy engine."""

    cache: str | Cache | object | None
    """Where results are kept that may be lost; in the same forms."""

    vcs: str | VCS | None
    """Name of a VCS host, or one that the host made."""

    analyzers: Iterable[str | Analyzer] | None
    """Names of the analyzers to ask, or ones that the host made; None asks all whose
    packages are installed."""

    workflows: str | WorkflowBackend | None
    """Name of the workflow backend, which decides where and when runs execute, or one that
    the host made."""

    executes: str | None
    """Which runs this engine executes: `"all"` of its tenant, wherever they were submitted;
    `"own"`, those that are submitted here, and end with it; `"none"`, others execute."""

    observers: Iterable[str | Observer] | None
    """Names of observers, or ones that the host made."""

    plugins: Iterable[object]
    """Modules or objects of this process with hook implementations."""

    plugins_allow: Sequence[str] | None
    """Distributions or entry points that may load; None allows all that are installed."""

    tenant: str | None
    """Whose runs these are."""

    settings_file: str | os.PathLike[str] | None
    """A TOML file with settings; see `Settings` for its keys."""

    backend_settings: Mapping[str, Mapping[str, Any]] | None
    """Settings of single backends by their names, over those of file and environment."""

    isolation: Isolation | None
    """The best rung of the sandbox to try; None tries all."""

    secrets: Iterable[str]
    """Values that must never appear in any output, such as the host's keys."""

    logger: logging.Logger | None
    """Where the engine logs; None is the logger `codeflow_engine`."""

    clock: Clock | None
    """Where time, chance and ids come from."""

    points: Points | None
    """Who is told of the named points that runs pass; for tests of crashes."""


_THREADS = 4
"""Worker threads of one engine, for computation over large changes."""


class AsyncEngine:
    """Reviews changes inside an asyncio program.

    An engine holds everything that it uses: two engines in one process share nothing. The
    environment and the settings file are read here and never again. Use it as an async
    context manager, or call `aclose`.

    Args:
        options: See `EngineOptions`.

    Raises:
        ConfigurationError: Wrong settings, or a backend of a wrong kind.
        PluginError: A storage or observer that was named cannot be had.
    """

    def __init__(self, **options: Unpack[EngineOptions]) -> None:
        from dataclasses import replace
        from pathlib import Path

        from codeflow_engine.plugins.backends import Backends
        from codeflow_engine.plugins.loader import load_plugins
        from codeflow_engine.plugins.registry import Kind
        from codeflow_engine.settings import load_settings

        unknown = sorted(options.keys() - EngineOptions.__annotations__.keys())
        if unknown:
            raise ConfigurationError(f"an engine has no option {', '.join(unknown)}")
        file = options.get("settings_file")
        named = {name: options.get(name) for name in ("tenant", "plugins_allow", "isolation")}
        named["plugins"] = options.get("backend_settings")
        settings = load_settings(None if file is None else Path(file), named)
        self._loaded = load_plugins(options.get("plugins", ()), allow=settings.plugins_allow)
        self._backends = Backends(self._loaded.registry, settings.plugins)
        storage = settings.storage or "memory"
        chosen: dict[str, Any] = {
            "storage": self._name(Kind.STORAGE, options.get("storage"), storage),
            "cache": self._name(Kind.CACHE, options.get("cache"), settings.cache),
            "vcs": self._name(Kind.VCS, options.get("vcs"), settings.vcs),
            "workflows": self._name(
                Kind.WORKFLOW_BACKEND, options.get("workflows"), settings.workflows
            ),
            "executes": _executes(options.get("executes"), settings.executes),
            "analyzers": self._names(Kind.ANALYZER, options.get("analyzers"), settings.analyzers),
            "observers": self._names(Kind.OBSERVER, options.get("observers"), settings.observers),
        }
        settings = replace(settings, **chosen)
        self._tools = _wire(settings, self._loaded, self._backends, options)
        self._executor = _executor(self._tools)

    @property
    def begins(self) -> bool:
        """Whether it looks for runs as soon as it is entered: those that others have left."""
        return self._executor.begins

    async def __aenter__(self) -> Self:
        if self.begins:
            await self._executor.begin()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Let go of the runs under way, end their processes, close what the engine opened.

        Runs in a durable storage are given back at once, and go on in another process, or
        here when it is opened anew; others are cancelled, and so are all of an engine that
        executes its own alone. Call `drain` first to let them end. May be called again.
        What the host handed in stays open.
        """
        try:
            await self._executor.drain(grace=0)
        finally:
            try:
                await self._tools.sandbox.aclose()
            finally:
                self._tools.threads.shutdown(wait=False, cancel_futures=True)
                await self._backends.aclose()

    async def open(self) -> None:
        """Reach the storage, and begin to execute runs that wait there.

        An engine does so by itself: when it is entered, as far as the storage can be used
        then, and at its first run. A service calls it to hear at its start what is wrong.

        Raises:
            StorageUnavailableError: The storage could not be reached in the time that it
                has for that.
            SchemaVersionError: It has to be migrated first.
            ConfigurationError: The engine is closed, or was opened before a fork.
        """
        await self._executor.open()

    async def drain(self, *, grace: float = 30.0) -> None:
        """Take no more runs, and wait for those under way; then give back what is left.

        What a service does when it is told to end. Runs that are given back are taken up by
        other workers at once.

        Args:
            grace: Seconds to wait.
        """
        await self._executor.drain(grace=grace)

    def workflow(
        self,
        name: str,
        *,
        version: int = 1,
        earlier: Mapping[int, WorkflowFunction] | None = None,
    ) -> Callable[[WorkflowFunction], WorkflowFunction]:
        """Register an async function as a workflow of this engine.

        ```python
        @engine.workflow("greet")
        async def greet(run: RunContext, given: dict[str, Any]) -> str:
            return await run.step("compose", compose, given["name"])
        ```

        Args:
            name: What it is submitted by.
            version: Raised when the steps change, and only then.
            earlier: The code of older versions, for runs that began with it.

        Raises:
            PluginConflictError: The name is taken.
        """

        def register(function: WorkflowFunction) -> WorkflowFunction:
            from codeflow_engine.plugins.registry import PluginRegistry
            from codeflow_engine.runs.workflow import workflow_of

            made = workflow_of(function, name=name, version=version, earlier=earlier)
            registry = PluginRegistry(f"{function.__module__}.{function.__qualname__}")
            registry.add_workflow(name, made)
            for problem in self._loaded.registry.accept(registry.offers):
                raise problem
            return function

        return register

    async def review(
        self,
        change: ChangeLike,
        *,
        base: str | None = None,
        head: str | None = None,
        analyzers: Sequence[str] | None = None,
        scope: str | None = None,
    ) -> Review:
        """Review a change and return the result; cancelling this call cancels the review.

        Args:
            change: A repository, a patch or a `Change`.
            base: Revision to compare with.
            head: Revision under review, `":worktree"` or `":index"`. With neither base nor
                head the working tree is compared with HEAD; with a base alone HEAD with
                their merge base; with a head alone that commit with its parent.
            analyzers: Names of the analyzers to ask, in place of the engine's.
            scope: `"changed"` hears analyzers that read whole files on lines that the
                change touches, `"file"` anywhere in its files; None as in the settings.

        Raises:
            ConfigurationError: The arguments cannot work.
            ChangeUnavailableError: No such repository or revision.
            DiffError: A patch that cannot be read.
            CodeflowError: Whatever else kept the change from being read.
        """
        import asyncio

        asked = {
            "change": change,
            "base": base,
            "head": head,
            "analyzers": analyzers,
            "scope": scope,
        }
        run = await self.submit("review", asked)
        try:
            result: Review = await run.result()
        except asyncio.CancelledError:
            await run.cancel()
            raise
        return result

    async def submit(
        self,
        workflow: str,
        input: Mapping[str, Any],  # noqa: A002
        *,
        key: str | None = None,
        transaction: object = None,
        not_before: datetime | None = None,
        priority: int = 0,
    ) -> AsyncRun:
        """Store a run of a workflow, and return its handle at once.

        Args:
            workflow: Its name; `review` ships with the engine.
            input: What it works on; for `review` the arguments of that verb by name.
            key: What the caller knows it by, such as the id of a delivery. Asked for again
                with the same input, it is the same run.
            transaction: A connection or session of SQLAlchemy on the database of the storage,
                in a transaction of the host. The run is stored in it, and nothing else is
                used: with a rollback there is no run, with a commit exactly one, which
                begins soon after.
            not_before: The moment before which it does not begin, with a time zone.
            priority: The higher one begins first.

        Raises:
            UnknownBackendError: No workflow has that name.
            ConfigurationError: The input cannot work, or the storage takes no transaction.
            ConflictingRunError: The key belongs to a run with another input.
            StorageError: It could not be stored.
        """
        from codeflow_engine.runs.submitting import Request

        request = Request(
            workflow=workflow, given=input, key=key, not_before=not_before, priority=priority
        )
        return self._handle(await self._executor.submit(request, transaction=transaction))

    async def run(self, run_id: str) -> AsyncRun:
        """Find a run of this tenant by its id.

        Raises:
            RunNotFoundError: There is none.
        """
        return self._handle(self._executor.follow(await self._executor.find(run_id)))

    async def runs(
        self, *, status: RunStatus | None = None, limit: int = 100
    ) -> tuple[AsyncRun, ...]:
        """Find the newest runs of this tenant, newest first.

        Raises:
            ConfigurationError: `limit` is less than 1.
        """
        if limit < 1:
            raise ConfigurationError(f"at least one run has to be asked for, not {limit}")
        tenant = self._tools.settings.tenant
        records = await self._tools.storage.find_runs(tenant, status=status, limit=limit)
        return tuple(self._handle(self._executor.follow(record)) for record in records)

    async def plan(self, review: Review) -> Plan:
        """Say what publishing a review would write to the host of its change; nothing is.

        Raises:
            ConfigurationError: The change belongs to no host, as a bare patch.
        """
        from codeflow_engine.publish.planning import plan

        return plan(review)

    async def apply(self, plan: Plan) -> tuple[Receipt, ...]:
        """Write the effects of a plan, each once, and return their receipts in its order.

        The plan is bound to the revision that was reviewed. Applied again, in whatever
        process, it is the same run, and gives the same receipts.

        Raises:
            PublishError: The change has moved on since.
            ConfigurationError: Its host takes no effects.
            CodeflowError: Whatever else ended the run.
        """
        run = await self.submit("apply", {"plan": plan.to_json()}, key=f"apply:{plan.key}")
        receipts: tuple[Receipt, ...] = await run.result()
        return receipts

    async def dismiss(
        self,
        fingerprint: str,
        *,
        reason: str,
        author: str,
        scope: str = "repository",
        where: str | None = None,
        expires_at: datetime | None = None,
    ) -> Dismissal:
        """Say that a finding needs no attention; later reviews show it as dismissed.

        Args:
            fingerprint: Of a finding that some review of this tenant has stored, or so
                much of its beginning that it is the only one. For the whole tenant any.
            reason: Why, in words for those who come later.
            author: Who says so.
            scope: `"change"`, `"repository"` or `"tenant"`.
            where: The change or the repository; None where the finding is known in one.
            expires_at: From when on it counts again; with a time zone.

        Raises:
            ConfigurationError: No such finding, more than one, or something is missing.
        """
        from codeflow_engine.review.dismiss import DismissRequest, dismiss

        request = DismissRequest(
            fingerprint=fingerprint,
            reason=reason,
            author=author,
            scope=scope,
            where=where,
            expires_at=expires_at,
        )
        tools = self._tools
        now = tools.clock.now()
        return await dismiss(tools.storage, tools.settings.tenant, request, tools.redactor, now)

    async def restore(self, fingerprint: str) -> tuple[Dismissal, ...]:
        """Take back every dismissal of a finding, and return them; none is no error.

        Raises:
            ConfigurationError: More than one finding is meant.
        """
        from codeflow_engine.review.dismiss import restore

        return await restore(self._tools.storage, self._tools.settings.tenant, fingerprint)

    async def dismissals(self) -> tuple[Dismissal, ...]:
        """List the dismissals of this tenant, expired ones too, sorted by fingerprint."""
        return await self._tools.storage.find_dismissals(self._tools.settings.tenant)

    async def import_dismissals(self, dismissals: Iterable[Dismissal]) -> None:
        """Keep dismissals that come from elsewhere; each replaces one of the same identity."""
        tenant = self._tools.settings.tenant
        await self._tools.storage.put_dismissals(tenant, tuple(dismissals))

    async def migrate(self) -> None:
        """Bring the storage into the form that this version needs; repeatable."""
        await self._tools.storage.migrate()

    async def prune(self, *, before: datetime) -> Pruned:
        """Remove ended runs, and findings and dismissals, that are older than a moment.

        Raises:
            ConfigurationError: The moment has no time zone.
        """
        from codeflow_engine.contracts import Pruned

        if before.utcoffset() is None:
            raise ConfigurationError("the moment to prune before has a time zone")
        whole = Pruned()
        while more := await self._tools.storage.prune(self._tools.settings.tenant, before=before):
            whole += more
        return whole

    async def isolation(self) -> Isolation:
        """Find the rung of the sandbox that analyzers get here; the first call tries it.

        Raises:
            SandboxError: No process can be started here.
        """
        return await self._tools.sandbox.isolation()

    @property
    def plugins(self) -> Plugins:
        """The plugins of this engine: what they offer, and which of them failed."""
        from codeflow_engine.plugins.overview import Plugins

        return Plugins(self._loaded, self._backends)

    def _handle(self, live: LiveRun) -> AsyncRun:
        from codeflow_engine.runs.handle import AsyncRun

        return AsyncRun(live, self._executor, self._tools)

    def _name(self, kind: Kind, given: object, default: str) -> str:
        return self._backends.choose(kind, default if given is None else given)

    def _names(
        self, kind: Kind, given: Iterable[str | Backend] | None, default: tuple[str, ...] | None
    ) -> tuple[str, ...] | None:
        if given is None:
            return default
        return tuple(self._backends.choose(kind, one) for one in given)


def _wire(
    settings: Settings, loaded: LoadedPlugins, backends: Backends, options: EngineOptions
) -> Toolbox:
    """Put together what the engine lends to its runs."""
    from concurrent.futures import ThreadPoolExecutor

    from codeflow_engine.contracts import Cache, Observer, Storage
    from codeflow_engine.plugins.dispatch import HookDispatch
    from codeflow_engine.redaction import Redactor
    from codeflow_engine.runs.clock import Clock
    from codeflow_engine.runs.context import Toolbox
    from codeflow_engine.sandbox import Sandbox
    from codeflow_engine.telemetry.logging import EngineLog

    redactor = Redactor(secrets=(*options.get("secrets", ()), *backends.passwords))
    log = EngineLog(options.get("logger"), redactor)
    for failure in loaded.failures:
        log.warning("plugin is not in use", plugin=failure.origin, error=failure.error.message)
    observers = [backends.get(Observer, name) for name in settings.observers]
    storage = backends.get(Storage, settings.storage or "memory")
    return Toolbox(
        settings=settings,
        storage=storage,
        journal=_journal(storage, backends),
        cache=backends.get(Cache, settings.cache),
        vcs=settings.vcs,
        sandbox=Sandbox(prefer=settings.isolation),
        redactor=redactor,
        backends=backends,
        hooks=HookDispatch(loaded, observers, log, patience=settings.observer_timeout),
        log=log,
        clock=options.get("clock") or Clock(),
        threads=ThreadPoolExecutor(_THREADS, thread_name_prefix="codeflow"),
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


def _executor(tools: Toolbox) -> Executor:
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
