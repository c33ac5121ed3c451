"""The contract of observers: those who watch runs."""

from __future__ import annotations

from abc import abstractmethod

from codeflow_engine.contracts.backend import Backend
from codeflow_engine.domain.run import RunEvent

__all__ = ["Observer"]


class Observer(Backend):
    """Receives every event of every run of an engine.

    Observers are called one after the other, in the order of registration. Whatever one
    raises is logged and changes nothing for the run or for the other observers.
    """

    @abstractmethod
    async def on_event(self, event: RunEvent) -> None:
        """Take note of an event; events of one run arrive in their order, each once.

        The run waits for it, so it returns quickly and leaves slow work to a task of its own.
        One that takes longer than the setting `observer_timeout` is told no more of that run.
        """
