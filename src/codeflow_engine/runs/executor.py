"""Executes runs directly, in tasks of the host's loop; nothing is journaled yet."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from codeflow_engine.domain.run import RunFinished, RunRecord, RunStarted, RunStatus
from codeflow_engine.errors import (
    CodeflowError,
    ConfigurationError,
    RunCancelledError,
    RunNotFoundError,
    WorkflowError,
)
from codeflow_engine.plugins.containment import is_foreign
from codeflow_engine.plugins.registry import Kind
from codeflow_engine.runs.containment import as_ours, unless_cancelled
from codeflow_engine.runs.context import DirectRunner, RunContext, StepRunner, Toolbox
from codeflow_engine.runs.events import EventStream
from codeflow_engine.runs.workflow import Workflow

__all__ = ["DirectExecutor", "Execution"]


class Execution:
    """One run that executes, or has executed, in this process."""

    def __init__(self, record: RunRecord, events: EventStream) -> None:
        self.record = record
        self.events = events
        self.task: asyncio.Task[Any]

    async def result(self) -> Any:
        """Wait for the result; giving up the wait does not end the run.

        Raises:
            RunCancelledError: The run was cancelled.
            CodeflowError: Whatever ended the run.
        """
        await asyncio.wait([self.task])
        if self.task.cancelled():
            raise RunCancelledError(f"run {self.record.run_id} was cancelled")
        return self.task.result()

    async def cancel(self) -> None:
        """End the run and everything that it started; wait until that is done."""
        self.task.cancel()
        await asyncio.wait([self.task])


class DirectExecutor:
    """Starts runs and knows those that are under way.

    Args:
        tools: What runs work with.
        runner: Gives steps their values; None does their work directly.
    """

    def __init__(self, tools: Toolbox, runner: StepRunner | None = None) -> None:
        self._tools = tools
        self._runner = runner or DirectRunner(tools.threads)
        self._active: dict[str, Execution] = {}
        self._closed = False

    async def start(self, name: str, given: Mapping[str, Any], tenant: str) -> Execution:
        """Read the input of a workflow, store a new run and begin to execute it.

        Raises:
            UnknownBackendError: No workflow has that name.
            ConfigurationError: The engine is closed, or the input cannot work.
            StorageError: The run could not be stored, and did not start.
        """
        self._check_open()
        # The first use imports the workflow, and the input may be a patch of many megabytes
        # that is read and indexed: both would hold up the loop.
        loop = asyncio.get_running_loop()
        try:
            workflow, value = await loop.run_in_executor(
                self._tools.threads, self._prepare, name, given
            )
        except CodeflowError as error:
            self._redact(error)
            raise
        now = self._tools.clock.now()
        record = RunRecord(
            run_id=self._tools.clock.new_id(),
            workflow=workflow.name,
            version=workflow.version,
            tenant=tenant,
            input=self._tools.redactor.scrub(workflow.write_input(value)),
            created_at=now,
            updated_at=now,
        )
        await self._tools.storage.put_runs([record])
        self._check_open()
        notify = self._tools.hooks.notify
        events = EventStream(tenant, record.run_id, self._tools.storage, self._tools.clock, notify)
        execution = Execution(record, events)
        self._active[record.run_id] = execution
        # Started eagerly, a run that is cancelled at once still gets to write its end.
        execution.task = asyncio.Task(
            self._execute(execution, workflow, value),
            loop=loop,
            name=f"codeflow run {record.run_id}",
            eager_start=True,
        )
        # An error that nobody asks for is in the record and the events already.
        execution.task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return execution

    def _prepare(self, name: str, given: Mapping[str, Any]) -> tuple[Workflow, Any]:
        workflow: Workflow = self._tools.backends.load(Kind.WORKFLOW, name)
        return workflow, workflow.read_input(given)

    def _check_open(self) -> None:
        if self._closed:
            raise ConfigurationError("this engine is closed")

    def active(self, run_id: str) -> Execution | None:
        """Find a run that is under way here."""
        return self._active.get(run_id)

    async def find(self, run_id: str, tenant: str) -> RunRecord:
        """Read the record of a run.

        Raises:
            RunNotFoundError: No run of this tenant has that id.
        """
        records = await self._tools.storage.get_runs(tenant, [run_id])
        if not records:
            raise RunNotFoundError(f"there is no run {run_id!r}")
        return records[0]

    async def aclose(self) -> None:
        """Take no more runs; cancel those under way and wait for their end."""
        self._closed = True
        await asyncio.gather(*(execution.cancel() for execution in [*self._active.values()]))

    async def _execute(self, execution: Execution, workflow: Workflow, value: Any) -> Any:
        try:
            try:
                result = await self._within_deadline(execution, workflow, value)
                if workflow.summarise is not None:
                    summary = workflow.summarise(result)
                    execution.record = replace(execution.record, summary=summary)
            except BaseException as error:
                self._redact(error)
                raised = as_ours(error)
                if isinstance(raised, asyncio.CancelledError):
                    await self._finish(execution, RunStatus.CANCELLED)
                else:
                    await self._finish(execution, RunStatus.FAILED, self._describe(raised))
                if raised is error:
                    raise
                raise raised from error
            await self._succeed(execution)
            return result
        finally:
            self._active.pop(execution.record.run_id, None)

    async def _within_deadline(self, execution: Execution, workflow: Workflow, value: Any) -> Any:
        record = execution.record
        context = RunContext(record, self._tools, execution.events, self._runner)
        seconds = self._tools.settings.run_timeout
        deadline = asyncio.timeout(seconds)
        try:
            async with deadline:
                await self._update(execution, RunStatus.RUNNING)
                await context.emit(RunStarted, workflow=workflow.name)
                return unless_cancelled(await workflow.run(context, value))
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise WorkflowError(
                f"run {context.run_id} passed its deadline of {seconds:g} s"
            ) from error

    async def _succeed(self, execution: Execution) -> None:
        """Record a success; one that cannot be recorded is a failure.

        Raises:
            CodeflowError: The storage failed, or gave no answer in time.
        """
        unrecorded = await self._finish(execution, RunStatus.SUCCEEDED)
        if unrecorded is not None:
            await self._finish(execution, RunStatus.FAILED, self._describe(unrecorded))
            raise unrecorded

    async def _finish(
        self, execution: Execution, status: RunStatus, error: str | None = None
    ) -> BaseException | None:
        """Write the end of a run; give what kept its record from being stored, if anything.

        The end is written whole: a cancellation that comes meanwhile is too late.
        """
        writing = asyncio.create_task(self._write_end(execution, status, error))
        while not writing.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([writing])
        return writing.result()

    async def _write_end(
        self, execution: Execution, status: RunStatus, error: str | None
    ) -> BaseException | None:
        seconds = self._tools.settings.finish_timeout
        stored = False
        failed: BaseException | None = None
        try:
            async with asyncio.timeout(seconds):
                await self._update(execution, status, error)
                stored = True
                await execution.events.emit(RunFinished, status=status, error=error)
        except TimeoutError as late:
            failed = WorkflowError(
                f"the end of run {execution.record.run_id} could not be written within "
                f"{seconds:g} s"
            )
            failed.__cause__ = late
        except BaseException as raised:
            if not is_foreign(raised):
                raise
            failed = as_ours(raised)
        if status is not RunStatus.SUCCEEDED or stored:
            # Those who follow would wait for ever for an event that never comes.
            await execution.events.close(failed)
        return None if stored else failed

    async def _update(
        self, execution: Execution, status: RunStatus, error: str | None = None
    ) -> None:
        now = self._tools.clock.now()
        summary = execution.record.summary if status is RunStatus.SUCCEEDED else None
        execution.record = replace(
            execution.record, status=status, updated_at=now, error=error, summary=summary
        )
        await self._tools.storage.put_runs([execution.record])

    def _redact(self, error: BaseException) -> None:
        """Take secrets out of the words of an error and of those that it comes from.

        They quote the change and the input, and the caller logs and shows them.
        """
        link: BaseException | None = error
        while link is not None:
            if isinstance(link, CodeflowError):
                redact = self._tools.redactor.redact
                link.args = tuple(redact(a) if isinstance(a, str) else a for a in link.args)
            link = link.__cause__ or link.__context__

    def _describe(self, error: BaseException) -> str:
        # The text of a foreign error may quote anything, and this goes to storage and logs.
        told = str(error) if isinstance(error, CodeflowError) else "unexpected error"
        return self._tools.redactor.redact(f"{type(error).__name__}: {told}")
