"""From what a caller asks for to a run in the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from codeflow_engine.domain.journal import Submission
from codeflow_engine.domain.run import RunRecord
from codeflow_engine.errors import ConfigurationError, ConflictingRunError
from codeflow_engine.plugins.registry import Kind
from codeflow_engine.runs import codec
from codeflow_engine.runs.coding import is_small
from codeflow_engine.runs.digests import digest
from codeflow_engine.runs.toolbox import Toolbox
from codeflow_engine.runs.workflow import Workflow

__all__ = ["Request", "agree", "load", "loaded", "prepared"]

_BITS: Final = 63
"""Of a priority, beside its sign: what a database keeps as a number."""

_BRIEF: Final = 4096
"""Bytes of an input in which secrets are looked for in less than a millisecond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a caller asks for."""

    workflow: str
    given: Mapping[str, Any]
    key: str | None = None
    """What the caller finds the run by; asked for again, it is the same run."""

    not_before: datetime | None = None
    priority: int = 0
    parent: str | None = None

    def check(self) -> None:
        """See that it can be meant.

        Raises:
            ConfigurationError: It cannot.
        """
        # Callers without a type checker hand over anything.
        given: object = self.given
        if not isinstance(given, Mapping):
            kind = type(given).__name__
            raise ConfigurationError(f"the input of a run is a mapping, not a {kind}")
        key: object = self.key
        if key is not None and not (isinstance(key, str) and key):
            raise ConfigurationError("a key is a text that is not empty")
        moment: object = self.not_before
        if moment is not None and not _has_zone(moment):
            raise ConfigurationError("the moment before which a run does not begin has a time zone")
        if type(self.priority) is not int or self.priority.bit_length() > _BITS:
            raise ConfigurationError(f"a priority is a whole number of at most {_BITS} bits")


def _has_zone(moment: object) -> bool:
    return isinstance(moment, datetime) and moment.utcoffset() is not None


def load(tools: Toolbox, name: str) -> Workflow:
    """Find a workflow; the first time imports it, so it belongs into a worker thread.

    Raises:
        UnknownBackendError: No workflow has that name.
        ConfigurationError: What is offered under that name is none.
    """
    workflow = tools.backends.load(Kind.WORKFLOW, name)
    if not isinstance(workflow, Workflow):
        kind = type(workflow).__name__
        raise ConfigurationError(f"the workflow {name!r} is a {kind}, not a Workflow")
    return workflow


async def loaded(tools: Toolbox, name: str) -> Workflow:
    """Find a workflow as `load` does, in a worker thread where it has to be imported."""
    if tools.backends.is_loaded(Kind.WORKFLOW, name):
        return load(tools, name)
    return await asyncio.get_running_loop().run_in_executor(tools.threads, load, tools, name)


async def prepared(tools: Toolbox, request: Request) -> Callable[[str | None], Submission]:
    """Read the input of a run, which may be many megabytes: in a worker thread, if it is any work.

    Returns:
        What makes the submission of the trace that it belongs to, on the loop: ids and moments
        are of the clock there.

    Raises:
        UnknownBackendError: No workflow has that name.
        ConfigurationError: The input cannot work.
        SerializationError: The input cannot be kept.
    """
    is_loaded = tools.backends.is_loaded(Kind.WORKFLOW, request.workflow)
    if is_loaded and is_small(request.given, _BRIEF) and load(tools, request.workflow).is_plain:
        return _prepare(tools, request)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(tools.threads, _prepare, tools, request)


def _prepare(tools: Toolbox, request: Request) -> Callable[[str | None], Submission]:
    request.check()
    redactor = tools.redactor
    if request.key is not None and redactor.has_secrets and redactor.exposes(request.key):
        raise ConfigurationError(
            "the key of a run holds a secret that the engine is configured with, and is stored "
            "as it is: choose another one"
        )
    workflow = load(tools, request.workflow)
    value = workflow.read_input(request.given)
    payload = codec.encode(value, codec.taken(workflow.run))
    same = value if workflow.identity is None else workflow.identity(value)
    told_apart = digest(workflow.name, same)
    told = redactor.scrub(workflow.write_input(value))
    partition = None if workflow.partition is None else workflow.partition(value)
    if partition is not None:
        partition = redactor.redact(partition)

    def make(traceparent: str | None) -> Submission:
        now = tools.clock.now()
        record = RunRecord(
            run_id=tools.clock.run_id(workflow.name, told, told_apart),
            workflow=workflow.name,
            version=workflow.version,
            tenant=tools.settings.tenant,
            input=told,
            created_at=now,
            updated_at=now,
            key=request.key,
            digest=told_apart,
            parent=request.parent,
            partition=partition,
            priority=request.priority,
            # Python takes a moment in an hour that comes twice for unequal to any other zone's.
            wake_at=max(now, (request.not_before or now).astimezone(UTC)),
            seconds_left=tools.settings.run_timeout,
            traceparent=traceparent,
        )
        return Submission(record=record, payload=payload)

    return make


def agree(asked: RunRecord, stored: RunRecord) -> None:
    """See that the run that is there under a key is the one that was asked for.

    Raises:
        ConflictingRunError: It works on something else.
    """
    if (asked.workflow, asked.digest) != (stored.workflow, stored.digest):
        raise ConflictingRunError(
            f"the key {asked.key!r} belongs to run {stored.run_id}, which was submitted to "
            f"{stored.workflow!r} with another input"
        )
