"""What a run under way can ask its engine for about the runs that it starts."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from codeflow_engine.domain.run import RunRecord
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.runs.inbox import Children
from codeflow_engine.runs.submitting import Request

if TYPE_CHECKING:
    from codeflow_engine.runs.executor import Executor

__all__ = ["children_of"]


def children_of(executor: Executor, parent: RunRecord) -> Children:
    """Give the ways of a run to those that it starts."""

    async def submit(workflow: str, given: Mapping[str, Any], key: str) -> RunRecord:
        request = Request(workflow=workflow, given=given, key=key, parent=parent.run_id)
        return (await executor.store(request)).record

    async def look(run_id: str) -> RunRecord:
        return (await executor.known.look(run_id)).record

    async def resume(run_id: str) -> RunRecord:
        with suppress(ConfigurationError):  # somebody else has resumed it
            return await executor.go_on(run_id)
        return await look(run_id)

    outcomes = executor.outcomes
    return Children(
        submit=submit,
        look=look,
        resume=resume,
        outcome=outcomes.read,
        result_type=outcomes.type_of,
    )
