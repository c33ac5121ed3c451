"""The verbs of an engine; what they do lives in the rooms below.

Imports stand in functions: asyncio alone costs half of what `import Engine` may cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, Unpack

from codeflow_engine.engine.fixing import FixingVerbs
from codeflow_engine.engine.options import ChangeLike, EngineOptions
from codeflow_engine.engine.publishing import PublishingVerbs
from codeflow_engine.engine.reading import ReadingVerbs
from codeflow_engine.engine.spending import SpendingVerbs
from codeflow_engine.engine.upkeep import UpkeepVerbs
from codeflow_engine.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from os import PathLike
    from types import TracebackType

    from codeflow_engine.domain.budget import Budget
    from codeflow_engine.domain.preview import ChangePreview
    from codeflow_engine.domain.review import Review
    from codeflow_engine.domain.run import RunStatus
    from codeflow_engine.plugins.overview import Plugins
    from codeflow_engine.runs.handle import AsyncRun
    from codeflow_engine.runs.live import LiveRun
    from codeflow_engine.runs.workflow import WorkflowFunction

__all__ = ["AsyncEngine"]


class AsyncEngine(FixingVerbs, PublishingVerbs, ReadingVerbs, SpendingVerbs, UpkeepVerbs):
    """Reviews changes inside an asyncio program.

    An engine holds everything that it uses: two engines in one process share nothing. The
    environment and the settings file are read here and never again. Use it as an async
    context manager, or call `aclose`.

    Args:
        options: See `EngineOptions`.

    Raises:
        ConfigurationError: Wrong settings, or a backend of a wrong kind.
        CassetteError: The recording to replay cannot be read.
        PluginError: A storage or observer that was named cannot be had.
    """

    def __init__(self, **options: Unpack[EngineOptions]) -> None:
        from pathlib import Path

        from codeflow_engine.engine.taping import Taping
        from codeflow_engine.engine.wiring import choose, executor, wire
        from codeflow_engine.plugins.backends import Backends
        from codeflow_engine.plugins.loader import load_plugins
        from codeflow_engine.settings import load_settings

        unknown = sorted(options.keys() - EngineOptions.__annotations__.keys())
        if unknown:
            raise ConfigurationError(f"an engine has no option {', '.join(unknown)}")
        file = options.get("settings_file")
        plain = ("tenant", "plugins_allow", "isolation", "models", "withheld", "publish")
        named = {name: options.get(name) for name in plain}
        named["plugins"] = options.get("backend_settings")
        settings = load_settings(None if file is None else Path(file), named)
        self._taping = Taping(options)
        settings = self._taping.settings(settings, options)
        self._loaded = load_plugins(options.get("plugins", ()), allow=settings.plugins_allow)
        self._backends = Backends(self._loaded.registry, settings.plugins)
        settings = choose(settings, self._backends, options)
        self._tools = wire(settings, self._loaded, self._backends, options, taping=self._taping)
        self._executor = executor(self._tools)

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

        Raises:
            CassetteError: The recording could not be written.
        """
        try:
            await self._executor.drain(grace=0)
        finally:
            try:
                await self._tools.sandbox.aclose()
            finally:
                self._tools.threads.shutdown(wait=False, cancel_futures=True)
                try:
                    await self._backends.aclose()
                finally:
                    await self._taping.end()

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

            made: Any = workflow_of(function, name=name, version=version, earlier=earlier)
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
        llm: str | Iterable[str] | None = None,
        analyzers: Iterable[str] | None = None,
        budget: Budget | None = None,
        scope: str | None = None,
        reports: Iterable[str | PathLike[str]] = (),
    ) -> Review:
        """Review a change and return the result; cancelling this call cancels the review.

        Args:
            change: A repository, a patch or a `Change`.
            base: Revision to compare with.
            head: Revision under review, `":worktree"` or `":index"`. With neither base nor
                head the working tree is compared with HEAD; with a base alone HEAD with
                their merge base; with a head alone that commit with its parent.
            llm: Ids of the models to ask, such as `"openai:gpt-5.1"`, in their order, in place
                of the engine's; an empty list asks none.
            analyzers: Names of the analyzers to ask, in place of the engine's.
            budget: What this review may spend on models, in place of the engine's budget of
                runs. What it does not reach is not covered, and the review says so.
            scope: `"changed"` hears analyzers that read whole files on lines that the
                change touches, `"file"` anywhere in its files; None as in the settings.
            reports: Files in which other tools tell what they found in the change, in SARIF
                2.1.0 or reviewdog's RDF.

        Raises:
            ConfigurationError: The arguments cannot work.
            ChangeUnavailableError: No such repository or revision.
            DiffError: A patch that cannot be read.
            CodeflowError: Whatever else kept the change from being read.
        """
        asked: dict[str, Any] = {"change": change, "base": base, "head": head, "scope": scope}
        asked |= {"llm": llm, "analyzers": analyzers, "budget": budget, "reports": reports}
        result: Review = await self._finish(await self.submit("review", asked))
        return result

    async def preview(
        self,
        change: ChangeLike,
        *,
        base: str | None = None,
        head: str | None = None,
        llm: str | Iterable[str] | None = None,
    ) -> ChangePreview:
        """Say what a review would send of a change, to whom, and at what cost; nothing is.

        Cancelling this call cancels the run that looks.

        Args:
            change: As for `review`.
            base: As for `review`.
            head: As for `review`.
            llm: As for `review`.

        Raises:
            ConfigurationError: No model is configured, or the arguments cannot work.
            CodeflowError: Whatever kept the change from being read.
        """
        asked: dict[str, Any] = {"change": change, "base": base, "head": head, "llm": llm}
        result: ChangePreview = await self._finish(await self.submit("preview", asked))
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
            workflow: Its name; `review`, `describe`, `ask` and `fix` ship with the engine.
            input: What it works on; for these the arguments of that verb by name.
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
        return self._handle(await self._executor.known.look(run_id))

    async def runs(
        self, *, status: RunStatus | None = None, limit: int = 100
    ) -> tuple[AsyncRun, ...]:
        """Find the newest runs of this tenant, newest first.

        Raises:
            ConfigurationError: `limit` is less than 1.
        """
        if limit < 1:
            raise ConfigurationError(f"at least one run has to be asked for, not {limit}")
        return tuple(map(self._handle, await self._executor.known.list(status, limit)))

    async def interrupted(self, *, limit: int = 100) -> tuple[AsyncRun, ...]:
        """Find runs that count as running, and whose worker has given no sign of life.

        They go on as soon as an engine that executes all runs looks for some, or somebody
        resumes them. A worker that has just gone away counts as alive until its lease is over.

        Raises:
            StorageError: They cannot be read.
        """
        return tuple(map(self._handle, await self._executor.known.interrupted(limit=limit)))

    @property
    def plugins(self) -> Plugins:
        """The plugins of this engine: what they offer, and which of them failed."""
        from codeflow_engine.plugins.overview import Plugins

        return Plugins(self._loaded, self._backends)

    async def _finish(self, run: AsyncRun) -> Any:
        """Wait for a run that nobody else knows of; it ends with the call."""
        import asyncio

        try:
            return await run.result()
        except asyncio.CancelledError:
            await run.cancel()
            raise

    def _handle(self, live: LiveRun) -> AsyncRun:
        from codeflow_engine.runs.handle import AsyncRun

        return AsyncRun(live, self._executor, self._tools)
