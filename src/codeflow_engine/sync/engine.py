"""The engine for synchronous code."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Self, Unpack

from codeflow_engine.engine import AsyncEngine, ChangeLike, EngineOptions
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.sync.loop import Loop, close_engine
from codeflow_engine.sync.run import Run

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Iterable,
        Mapping,
    )
    from datetime import datetime
    from os import PathLike
    from types import TracebackType

    from codeflow_engine.contracts import Pruned
    from codeflow_engine.domain.budget import Balance, Budget
    from codeflow_engine.domain.dismissal import Dismissal
    from codeflow_engine.domain.effect import Plan, Receipt
    from codeflow_engine.domain.finding import Finding
    from codeflow_engine.domain.model import Trial
    from codeflow_engine.domain.patch import Patch
    from codeflow_engine.domain.preview import ChangePreview
    from codeflow_engine.domain.publishing import PublishPolicy
    from codeflow_engine.domain.reading import Answer, Description
    from codeflow_engine.domain.review import Review
    from codeflow_engine.domain.run import RunStatus
    from codeflow_engine.plugins.overview import Plugins
    from codeflow_engine.runs.workflow import WorkflowFunction
    from codeflow_engine.sandbox import Isolation

__all__ = ["Engine"]


class Engine:
    """Reviews changes from synchronous code, also inside a running event loop.

    Takes the same options as `AsyncEngine`. Use it as a context manager, or call
    `close`; one that is neither ends quietly when it is collected.
    """

    def __init__(self, **options: Unpack[EngineOptions]) -> None:
        self._engine = AsyncEngine(**options)
        if bound := self._engine.plugins.loop_bound:
            raise ConfigurationError(
                f"{' and '.join(bound)} belongs to an event loop of the host, "
                f"and the synchronous engine has one of its own: give a URL, or the synchronous "
                f"form of it, or use AsyncEngine"
            )
        self._loop = Loop()
        self._finalizer = weakref.finalize(self, close_engine, self._loop, self._engine)

    @property
    def begins(self) -> bool:
        """Give what `AsyncEngine.begins` gives."""
        return self._engine.begins

    def __enter__(self) -> Self:
        if self.begins:
            self._loop.run(self._engine.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Do what `AsyncEngine.aclose` does, and end the background loop."""
        self._finalizer()

    def review(
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
        """Do what `AsyncEngine.review` does."""
        return self._loop.run(
            self._engine.review(
                change,
                base=base,
                head=head,
                llm=llm,
                analyzers=analyzers,
                budget=budget,
                scope=scope,
                reports=reports,
            )
        )

    def describe(
        self,
        change: ChangeLike,
        *,
        base: str | None = None,
        head: str | None = None,
        llm: str | Iterable[str] | None = None,
        budget: Budget | None = None,
    ) -> Description:
        """Do what `AsyncEngine.describe` does."""
        return self._loop.run(
            self._engine.describe(change, base=base, head=head, llm=llm, budget=budget)
        )

    def ask(
        self,
        change: ChangeLike,
        question: str,
        *,
        base: str | None = None,
        head: str | None = None,
        llm: str | Iterable[str] | None = None,
        budget: Budget | None = None,
    ) -> Answer:
        """Do what `AsyncEngine.ask` does."""
        return self._loop.run(
            self._engine.ask(change, question, base=base, head=head, llm=llm, budget=budget)
        )

    def fix(
        self,
        found: Review | Finding | Iterable[Finding],
        change: ChangeLike | None = None,
        *,
        base: str | None = None,
        head: str | None = None,
        llm: str | Iterable[str] | None = None,
        budget: Budget | None = None,
    ) -> Patch:
        """Do what `AsyncEngine.fix` does."""
        return self._loop.run(
            self._engine.fix(found, change, base=base, head=head, llm=llm, budget=budget)
        )

    def open(self) -> None:
        """Do what `AsyncEngine.open` does."""
        self._loop.run(self._engine.open())

    def drain(self, *, grace: float = 30.0) -> None:
        """Do what `AsyncEngine.drain` does."""
        self._loop.run(self._engine.drain(grace=grace))

    def workflow(
        self,
        name: str,
        *,
        version: int = 1,
        earlier: Mapping[int, WorkflowFunction] | None = None,
    ) -> Callable[[WorkflowFunction], WorkflowFunction]:
        """Do what `AsyncEngine.workflow` does; the function is async here, too."""
        return self._engine.workflow(name, version=version, earlier=earlier)

    def submit(
        self,
        workflow: str,
        input: Mapping[str, Any],  # noqa: A002
        *,
        key: str | None = None,
        transaction: object = None,
        not_before: datetime | None = None,
        priority: int = 0,
    ) -> Run:
        """Do what `AsyncEngine.submit` does."""
        submitting = self._engine.submit(
            workflow,
            input,
            key=key,
            transaction=transaction,
            not_before=not_before,
            priority=priority,
        )
        return Run(self._loop.run(submitting), self._loop)

    def plan(
        self,
        result: Review | Patch,
        *,
        change: str | None = None,
        policy: PublishPolicy | None = None,
        branch: str | None = None,
    ) -> Plan:
        """Do what `AsyncEngine.plan` does."""
        return self._loop.run(
            self._engine.plan(result, change=change, policy=policy, branch=branch)
        )

    def apply(self, plan: Plan) -> tuple[Receipt, ...]:
        """Do what `AsyncEngine.apply` does."""
        return self._loop.run(self._engine.apply(plan))

    def run(self, run_id: str) -> Run:
        """Do what `AsyncEngine.run` does."""
        return Run(self._loop.run(self._engine.run(run_id)), self._loop)

    def runs(self, *, status: RunStatus | None = None, limit: int = 100) -> tuple[Run, ...]:
        """Do what `AsyncEngine.runs` does."""
        found = self._loop.run(self._engine.runs(status=status, limit=limit))
        return tuple(Run(run, self._loop) for run in found)

    def interrupted(self, *, limit: int = 100) -> tuple[Run, ...]:
        """Do what `AsyncEngine.interrupted` does."""
        found = self._loop.run(self._engine.interrupted(limit=limit))
        return tuple(Run(run, self._loop) for run in found)

    def balances(self, *scopes: str) -> tuple[Balance, ...]:
        """Do what `AsyncEngine.balances` does."""
        return self._loop.run(self._engine.balances(*scopes))

    def top_up(self, scope: str, budget: Budget, *, key: str | None = None) -> Balance:
        """Do what `AsyncEngine.top_up` does."""
        return self._loop.run(self._engine.top_up(scope, budget, key=key))

    def preview(
        self,
        change: ChangeLike,
        *,
        base: str | None = None,
        head: str | None = None,
        llm: str | Iterable[str] | None = None,
    ) -> ChangePreview:
        """Do what `AsyncEngine.preview` does."""
        return self._loop.run(self._engine.preview(change, base=base, head=head, llm=llm))

    def try_models(self) -> tuple[Trial, ...]:
        """Do what `AsyncEngine.try_models` does."""
        return self._loop.run(self._engine.try_models())

    def dismiss(
        self,
        fingerprint: str,
        *,
        reason: str,
        author: str,
        scope: str = "repository",
        where: str | None = None,
        expires_at: datetime | None = None,
    ) -> Dismissal:
        """Do what `AsyncEngine.dismiss` does."""
        return self._loop.run(
            self._engine.dismiss(
                fingerprint,
                reason=reason,
                author=author,
                scope=scope,
                where=where,
                expires_at=expires_at,
            )
        )

    def restore(self, fingerprint: str) -> tuple[Dismissal, ...]:
        """Do what `AsyncEngine.restore` does."""
        return self._loop.run(self._engine.restore(fingerprint))

    def dismissals(self) -> tuple[Dismissal, ...]:
        """Do what `AsyncEngine.dismissals` does."""
        return self._loop.run(self._engine.dismissals())

    def import_dismissals(self, dismissals: Iterable[Dismissal]) -> None:
        """Do what `AsyncEngine.import_dismissals` does."""
        self._loop.run(self._engine.import_dismissals(dismissals))

    def migrate(self) -> None:
        """Do what `AsyncEngine.migrate` does."""
        self._loop.run(self._engine.migrate())

    def prune(self, *, before: datetime) -> Pruned:
        """Do what `AsyncEngine.prune` does."""
        return self._loop.run(self._engine.prune(before=before))

    def isolation(self) -> Isolation:
        """Do what `AsyncEngine.isolation` does."""
        return self._loop.run(self._engine.isolation())

    @property
    def plugins(self) -> Plugins:
        """The plugins of this engine: what they offer, and which of them failed."""
        return self._engine.plugins
