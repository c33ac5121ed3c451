"""What the author of a workflow works with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, overload

from codeflow_engine.domain.budget import Budget, Payer
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest
from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.domain.journal import StepKind
from codeflow_engine.domain.run import RunEvent, RunRecord
from codeflow_engine.pace.retry import Retry
from codeflow_engine.runs import codec
from codeflow_engine.runs.attempts import Attempts, Work
from codeflow_engine.runs.containment import apart, contained
from codeflow_engine.runs.events import check_told
from codeflow_engine.runs.inbox import Children, Inbox
from codeflow_engine.runs.ledger import INSIDE, Ledger
from codeflow_engine.runs.outbox import DELIVERY, Outbox
from codeflow_engine.runs.toolbox import Toolbox
from codeflow_engine.runs.waiting import Waits
from codeflow_engine.runs.work import Step, StepRunner
from codeflow_engine.runs.writer import Writer

__all__ = ["RunContext"]

_ASKED_AGAIN: Final = Retry(attempts=3, first=30.0, most=900.0)
"""What the gateway does not wait for, the run does: put aside, it takes no memory. Each time
the gateway makes `llm_attempts` calls, so that all together stay below ten by default."""


class RunContext:
    """One run, seen from inside its workflow.

    What a workflow does is written down step by step. When its process ends, another one
    executes the workflow from its beginning, and each step that had ended gives the value
    that it gave before. So a workflow does in steps whatever reads or writes anything, and
    passes values between them; for computation alone there is `compute`.
    """

    def __init__(
        self,
        record: RunRecord,
        tools: Toolbox,
        runner: StepRunner,
        ledger: Ledger,
        *,
        writer: Writer,
        children: Children,
    ) -> None:
        self.run_id: str = record.run_id
        self.tenant: str = record.tenant
        self.tools: Toolbox = tools
        began = record.started_at or tools.clock.now()
        self.started_at: datetime = tools.clock.seen(f"start of {record.run_id}", began)
        """When the run began to execute for the first time."""

        self._runner = runner
        self._started = tools.clock.monotonic()
        self._ledger = ledger
        self._waits = Waits(ledger.execution, tools.clock, tools.settings.linger)
        self._outbox = Outbox(tools, ledger, writer, self._waits)
        self._inbox = Inbox(
            record, ledger, self._waits, journal=tools.journal, clock=tools.clock, children=children
        )
        self._children = children

    @property
    def seconds(self) -> float:
        """Time since the run began to execute in this process."""
        clock = self.tools.clock
        return clock.seen(f"seconds of {self.run_id}", clock.monotonic() - self._started)

    @overload
    async def step[*A, T](
        self,
        name: str,
        function: Callable[[*A], Coroutine[Any, Any, T]],
        *arguments: *A,
        key: str | None = None,
        retry: Retry | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as below
    ) -> T: ...

    @overload
    async def step[*A, T](
        self,
        name: str,
        function: Callable[[*A], T],
        *arguments: *A,
        key: str | None = None,
        retry: Retry | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as below
    ) -> T: ...

    async def step[*A](
        self,
        name: str,
        function: Callable[[*A], Any],
        *arguments: *A,
        key: str | None = None,
        retry: Retry | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - of each attempt, and told apart
    ) -> Any:
        """Execute one step, once and for all, and return its value.

        The value is on disk when this returns; a step that has ended is never executed
        again, and gives the same value, or raises the same error. A step that was under way
        when its process ended is executed again.

        A coroutine function runs on the event loop. Any other one runs in a worker thread,
        so that it never holds up the host's loop.

        Args:
            name: What the step does, one verb.
            function: Called with `arguments`. The annotation of what it returns says how
                the value is kept; without one it has to be plain JSON data.
            arguments: Passed on as they are.
            key: Tells parallel steps of one name apart. Steps without a key run one after
                the other.
            retry: After which errors it is tried again; None never tries again.
            timeout: Seconds for one attempt. A thread cannot be ended, and goes on unheard.

        Raises:
            StepTimeoutError: An attempt took longer than `timeout`.
            SerializationError: The value is not of the annotated form, or too large.
            NonDeterminismError: The workflow does something else than it did before.
            WorkflowError: A step of this name and key was asked for already, or two without
                a key run at the same time.
            LeaseLostError: Another worker executes the run.
            StorageError: The value could not be written.
            asyncio.CancelledError: The run is stopped, also where the step went on
                regardless and returned a value.
        """
        place = self._ledger.place(name, key, StepKind.WORK)
        kind = codec.returned(function)
        with self._ledger.at(place):
            if place.record is not None and place.record.state.is_final:
                return await self._ledger.recall(place.record, kind)
            await self._ledger.ready(place)
            await self._ledger.reach(f"step.asked:{name}")
            do = partial(self._do, self._step(name, key, function, arguments))
            work = Work(place=place, key=key, kind=kind, timeout=timeout, do=do)
            tools = self.tools
            with tools.eyes.step(name, StepKind.WORK.value) as seen:
                attempts = Attempts(
                    work, self._ledger, self._waits, tools.clock, tools.threads, seen=seen
                )
                return await attempts.go(retry)

    async def compute[*A, T](
        self, name: str, function: Callable[[*A], T], *arguments: *A, key: str | None = None
    ) -> T:
        """Compute a value from values, in a worker thread.

        Nothing of it is written down: where the run is taken up again, it is computed anew.
        So the function reads and writes nothing, and gives the same value each time.

        Args:
            name: What it does, one verb.
            function: Called with `arguments`.
            arguments: Passed on as they are.
            key: Tells parallel computations of one name apart.

        Raises:
            asyncio.CancelledError: The run is stopped.
        """
        step = self._step(name, key, function, arguments)
        with (
            self._ledger.execution.at_work(),
            self._ledger.told(name, key),
            self.tools.eyes.step(name, "compute"),
        ):
            value: T = await apart(partial(self._runner.run, step))
            return value

    async def together[T](self, steps: Iterable[Coroutine[Any, Any, T]]) -> tuple[T, ...]:
        """Execute steps at the same time and return their values in the order given.

        When one raises, the others are cancelled, and its error is raised alone.
        """
        return await apart(partial(_together, steps))

    async def ask(
        self,
        request: ChatRequest,
        *,
        key: str | None = None,
        llm: Sequence[str] | None = None,
        change: str | None = None,
        repository: str | None = None,
        budget: Budget | None = None,
    ) -> ChatAnswer:
        """Ask the models of the engine, as one step, and return a whole answer in its form.

        The answer is kept before it is used, for this and every other run of the tenant: the
        same question is paid for once. Asked in two processes at the same moment, it may be paid
        for twice, and the answer that was kept first is given to both. Where all models have to
        be waited for, the run is put aside for so long.

        Args:
            request: The question.
            key: Tells parallel questions apart, such as the digest of a chunk.
            llm: Ids of the models to ask, in their order, in place of the engine's.
            change: Key of the change that it is about, whose budget pays, too.
            repository: Likewise.
            budget: What this run may spend, in place of the engine's budget of runs.

        Raises:
            ConfigurationError: No model is configured, or one without key, SDK or price.
            UnknownBackendError: Nobody offers a model that is named.
            DisclosureError: No model may see the paths of the question.
            BudgetExhaustedError: It could cost more than a budget has left.
            ProviderError: No model gave an answer.
        """
        models = self.tools.models.select(llm)
        payer = Payer(run_id=self.run_id, change=change, repository=repository, budget=budget)
        return await self.step("ask", models.ask, request, payer, key=key, retry=_ASKED_AGAIN)

    async def effect(self, effect: Effect, *, vcs: str | None = None) -> Receipt:
        """Write an effect to the outside, once, and return the receipt.

        It is looked for before it is written, in this and every later try, so that it stands
        there once whatever happens to the process. A write that is under way when the run is
        stopped is waited for.

        Args:
            effect: What to write.
            vcs: Name of the host that takes it; None for that of the engine.

        Raises:
            ProviderError: The host failed; see `VCS.deliver`.
            WorkflowError: The effect is delivered twice in this run.
        """
        place = self._ledger.place("effect", effect.key, StepKind.EFFECT)
        with self._ledger.at(place):
            if place.record is not None and place.record.state.is_final:
                known: Receipt = await self._ledger.recall(place.record, Receipt)
                return known
            await self._ledger.ready(place)
            name = vcs or self.tools.vcs
            host = self.tools.host(name)
            with (
                self._ledger.told("effect", effect.key),
                self.tools.eyes.effect(effect.kind.value, name) as seen,
            ):
                receipt = await apart(partial(self._outbox.deliver, effect, place, host))
                seen.stands(found=receipt.found)
                return receipt

    async def collapse(self, effects: Sequence[Effect], *, vcs: str | None = None) -> int:
        """Take back what stands twice outside, and return how much that was.

        A process that ended in the middle of a request may leave one that arrives later than
        the look of the process after it. Belongs to the end of a workflow with effects.

        Args:
            effects: Those that were delivered.
            vcs: Name of the host; None for that of the engine.
        """
        host = self.tools.host(vcs)
        work = self._outbox.collapse
        # All is written by now: one failed look must not end the run.
        return await self.step("collapse", work, tuple(effects), host, retry=DELIVERY)

    async def sleep(self, seconds: float, *, key: str | None = None) -> None:
        """Let time pass, also across restarts; a long wait takes no memory."""
        place = self._ledger.place("sleep", key, StepKind.SLEEP)
        with self._ledger.at(place):
            if place.record is not None and place.record.state.is_final:
                return
            await self._ledger.ready(place)
            await self._inbox.sleep(place, seconds)

    async def rest(self, seconds: float) -> None:
        """Let time pass between two looks outside, which are no steps: nothing is written down.

        A run that rests for long is put aside, and its workflow begins anew when it goes on.
        """
        until = self.tools.clock.now() + timedelta(seconds=seconds)
        with self._ledger.execution.at_work():
            await self._waits.wait(until)

    async def receive(
        self,
        signal: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - counted across restarts
        key: str | None = None,
    ) -> Any:
        """Wait for a signal and return what was sent with it, as plain JSON data.

        Each signal is received once. A long wait takes no memory, and survives restarts.

        Args:
            signal: Its name.
            timeout: Seconds to wait; None waits for ever.
            key: Tells parallel steps apart.

        Raises:
            StepTimeoutError: None came in time.
        """
        place = self._ledger.place(f"receive {signal}", key, StepKind.RECEIVE)
        with self._ledger.at(place):
            if place.record is not None and place.record.state.is_final:
                return await self._ledger.recall(place.record, Any)
            await self._ledger.ready(place)
            return await self._inbox.receive(place, signal, timeout)

    async def child(
        self, workflow: str, given: Mapping[str, Any], *, key: str | None = None
    ) -> Any:
        """Run another workflow and return its result.

        It is a run of its own, which goes on wherever there is room, and is cancelled with
        this one.

        Args:
            workflow: Its name.
            given: Its input.
            key: Tells parallel steps apart.

        Raises:
            RunCancelledError: The child was cancelled.
            CodeflowError: Whatever ended the child.
        """
        place = self._ledger.place(f"run {workflow}", key, StepKind.CHILD)
        with self._ledger.at(place):
            if place.record is not None and place.record.state.is_final:
                kind = self._children.result_type(workflow)
                return await self._ledger.recall(place.record, kind)
            await self._ledger.ready(place)
            return await self._inbox.child(place, workflow, given)

    async def emit(self, kind: type[RunEvent], **fields: Any) -> None:
        """Add an event to the stream of this run; it is stored with the next step, or soon.

        Told by the workflow itself it is stored once. Told from inside of a step it may come
        again where the step is executed again.

        Args:
            kind: A kind of event of this package, such as `RunNoted` for words of one's own.
            fields: As the kind declares them.

        Raises:
            WorkflowError: It is another kind, or its fields are not what it declares.
        """
        check_told(kind, fields)
        if INSIDE.get():
            self._ledger.tell(kind, **fields)
        else:
            self._ledger.tell_once(kind, **fields)

    def close(self) -> None:
        """Let go of what watches over the waits."""
        self._waits.close()

    def _step(
        self, name: str, key: str | None, function: Callable[..., Any], arguments: tuple[Any, ...]
    ) -> Step:
        return Step(
            run_id=self.run_id,
            tenant=self.tenant,
            name=name,
            key=key,
            work=partial(function, *arguments),
        )

    async def _do(self, step: Step) -> Any:
        token = INSIDE.set(True)
        try:
            return await apart(partial(self._runner.run, step))
        finally:
            INSIDE.reset(token)


async def _together[T](steps: Iterable[Coroutine[Any, Any, T]]) -> tuple[T, ...]:
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(contained(step)) for step in steps]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return tuple(task.result() for task in tasks)
