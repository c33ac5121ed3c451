"""The handle of a run, for synchronous code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pandas import DataFrame

    from codeflow_engine.domain.budget import Budget
    from codeflow_engine.domain.journal import StepRecord
    from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus
    from codeflow_engine.runs.handle import AsyncRun
    from codeflow_engine.sync.loop import Loop

__all__ = ["Run"]


class Run:
    """A run of a workflow, under way or ended; the synchronous form of `AsyncRun`."""

    def __init__(self, run: AsyncRun, loop: Loop) -> None:
        self._run = run
        self._loop = loop

    @property
    def id(self) -> str:
        """Id of the run."""
        return self._run.id

    @property
    def record(self) -> RunRecord:
        """Give what `AsyncRun.record` gives."""
        return self._run.record

    @property
    def status(self) -> RunStatus:
        """Give what `AsyncRun.status` gives."""
        return self._run.status

    def refresh(self) -> RunRecord:
        """Do what `AsyncRun.refresh` does."""
        return self._loop.run(self._run.refresh())

    def result(self) -> Any:
        """Do what `AsyncRun.result` does."""
        return self._loop.run(self._run.result())

    def events(self, *, after: int = 0, wait: bool = True) -> Iterator[RunEvent]:
        """Do what `AsyncRun.events` does."""
        stream = self._run.events(after=after, wait=wait)
        while (event := self._loop.run(anext(stream, None))) is not None:
            yield event

    def to_dataframe(self) -> DataFrame:
        """Do what `AsyncRun.to_dataframe` does."""
        return self._loop.run(self._run.to_dataframe())

    def steps(self) -> tuple[StepRecord, ...]:
        """Do what `AsyncRun.steps` does."""
        return self._loop.run(self._run.steps())

    def cancel(self) -> None:
        """Do what `AsyncRun.cancel` does."""
        self._loop.run(self._run.cancel())

    def resume(self) -> None:
        """Do what `AsyncRun.resume` does."""
        self._loop.run(self._run.resume())

    def send(self, signal: str, value: Any = None, *, id: str | None = None) -> None:  # noqa: A002
        """Do what `AsyncRun.send` does."""
        self._loop.run(self._run.send(signal, value, id=id))

    def approve(self, *, by: str) -> None:
        """Do what `AsyncRun.approve` does."""
        self._loop.run(self._run.approve(by=by))

    def top_up(self, budget: Budget, *, key: str | None = None) -> None:
        """Do what `AsyncRun.top_up` does."""
        self._loop.run(self._run.top_up(budget, key=key))

    def __repr__(self) -> str:
        return repr(self._run).replace("<AsyncRun", "<Run", 1)

    def _repr_html_(self) -> str:
        return self._run._repr_html_()

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        bundle = self._run._repr_mimebundle_(include, exclude)
        return bundle | ({"text/plain": repr(self)} if "text/plain" in bundle else {})
