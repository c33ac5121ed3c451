"""An observer that remembers."""

from __future__ import annotations

from codeflow_engine.contracts import Observer
from codeflow_engine.domain.run import RunEvent

__all__ = ["FakeObserver"]


class FakeObserver(Observer):
    """Keeps every event that it is told, for a test to look at."""

    def __init__(self) -> None:
        self.events: list[RunEvent] = []
        """All events so far, in the order in which they came."""

    async def on_event(self, event: RunEvent) -> None:
        """Keep the event."""
        self.events.append(event)

    def of(self, run_id: str) -> tuple[RunEvent, ...]:
        """List the events of one run."""
        return tuple(event for event in self.events if event.run_id == run_id)
