"""A workflow: a name, a version, and a function over a run context."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from codeflow_engine.runs.context import RunContext

__all__ = ["Workflow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """What `registry.add_workflow` offers."""

    name: str
    version: int
    """Raised by its author when the steps change, and only then."""

    run: Callable[[RunContext, Any], Awaitable[Any]]
    """The steps, in order; everything that is not pure happens inside of a step."""

    read_input: Callable[[Mapping[str, Any]], Any]
    """Turns the caller's input into what `run` takes; raises ConfigurationError."""

    write_input: Callable[[Any], Mapping[str, Any]]
    """Gives the plain JSON data that is stored with the run."""

    summarise: Callable[[Any], Mapping[str, Any]] | None = None
    """Says in plain JSON data, in short, what came of a run: it gets the result."""
