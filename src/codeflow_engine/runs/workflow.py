"""A workflow: a name, a version, and a function over a run context."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codeflow_engine.runs.context import RunContext

__all__ = ["Workflow", "WorkflowFunction", "workflow_of"]

type WorkflowFunction = Callable[[RunContext, Any], Awaitable[Any]]
"""Takes the context of a run and its input, and gives its result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """What `registry.add_workflow` offers."""

    name: str
    version: int
    """Raised by its author when the steps change, and only then."""

    run: WorkflowFunction
    """The steps, in order; everything that is not pure happens inside of a step. The
    annotations of its second parameter and of what it returns say how input and result are
    kept; without them both are plain JSON data."""

    read_input: Callable[[Mapping[str, Any]], Any]
    """Turns the caller's input into what `run` takes; raises ConfigurationError."""

    write_input: Callable[[Any], Mapping[str, Any]]
    """Gives the plain JSON data that tells of the input in lists of runs."""

    is_plain: bool = False
    """Whether `read_input` does nothing but look at plain JSON data: it reads no file. A small
    input is then read on the event loop."""

    summarise: Callable[[Any], Mapping[str, Any]] | None = None
    """Says in plain JSON data, in short, what came of a run: it gets the result."""

    partition: Callable[[Any], str | None] | None = None
    """Says what a run works on, such as a repository, where few may do so at once: it gets
    the input."""

    identity: Callable[[Any], Any] | None = None
    """Says which inputs are the same where they are asked for under one key, in plain data: it
    gets the input. None: those that are equal."""

    earlier: Mapping[int, WorkflowFunction] = field(default_factory=dict)
    """The code of older versions, for runs that began with it; a run of a version that is
    not here waits until somebody has it."""

    def code(self, version: int) -> WorkflowFunction | None:
        """Give the function that runs of a version are executed with."""
        return self.run if version == self.version else self.earlier.get(version)


def workflow_of(
    function: WorkflowFunction,
    *,
    name: str,
    version: int,
    earlier: Mapping[int, WorkflowFunction] | None = None,
) -> Workflow:
    """Make a workflow of a function whose input is plain JSON data, or a dataclass.

    Args:
        function: Takes the context of a run, and its input. A second parameter that is
            annotated with a dataclass is built from the caller's mapping.
        name: What it is submitted by.
        version: Raised when the steps change.
        earlier: The code of older versions.

    Raises:
        ConfigurationError: An annotation of it cannot be resolved, or what it names has no
            form in which it could be kept; or, later, an input is none that it takes.
    """
    from codeflow_engine.domain.encoding import from_plain
    from codeflow_engine.runs.codec import taken
    from codeflow_engine.runs.telling import tell

    kind = taken(function)
    is_plain = not isinstance(kind, type) or kind in {Any, dict}

    def read(given: Mapping[str, Any]) -> Any:
        from codeflow_engine.errors import ConfigurationError, SerializationError

        if is_plain:
            return dict(given)
        try:
            return from_plain(kind, dict(given))
        except SerializationError as error:
            raise ConfigurationError(f"the input of workflow {name!r}: {error}") from None

    return Workflow(
        name=name,
        version=version,
        run=function,
        read_input=read,
        write_input=tell,
        is_plain=is_plain,
        earlier=dict(earlier or {}),
    )
