"""The kinds of events are listed in one place, for storages."""

from __future__ import annotations

from codeflow_engine.domain import run
from codeflow_engine.domain.run import EVENT_KINDS, RunEvent


def test_every_kind_of_event_is_listed_by_its_name() -> None:
    """A storage finds each event class of the package, and nothing else, under its name."""
    kinds = {
        name: kind
        for name, kind in vars(run).items()
        if isinstance(kind, type) and issubclass(kind, RunEvent)
    }

    assert dict(EVENT_KINDS) == kinds
