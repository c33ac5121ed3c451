"""The dry run: what models would be sent of a change, to whom, and what that costs."""

from __future__ import annotations

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.chat import ChatRequest, Message, Role
from codeflow_engine.domain.preview import ChangePreview, FilePreview
from codeflow_engine.review.partition import Partition, partition
from codeflow_engine.runs.context import RunContext
from codeflow_engine.runs.workflow import Workflow
from codeflow_engine.workflows.fetching import fetch, read_policy_of
from codeflow_engine.workflows.review_input import ReviewInput

__all__ = ["PREVIEW", "preview"]


async def preview(run: RunContext, given: ReviewInput) -> ChangePreview:
    """Preview a change: fetch it, read the policy, and look at each file. Nothing is sent."""
    change = await run.step("fetch", fetch, run, given)
    policy = await run.step("policy", read_policy_of, run, change)
    parts = await run.compute("partition", partition, change, policy)
    files = await run.step("look", _look, run, change, parts)
    reviewed = {file.path for file in files}
    return ChangePreview(
        title=run.tools.redactor.redact(change.title),
        files=files,
        excluded=tuple(path for path in dict.fromkeys(parts.paths) if path not in reviewed),
    )


async def _look(run: RunContext, change: Change, parts: Partition) -> tuple[FilePreview, ...]:
    shown = dict.fromkeys(unit.file for unit in parts.to_review)
    return tuple([await _look_at(run, change, number) for number in shown])


async def _look_at(run: RunContext, change: Change, number: int) -> FilePreview:
    file = change.diff.files[number]
    paths = tuple(dict.fromkeys(path for path in (file.path, file.old_path) if path))
    text = file.render().decode("utf-8", "replace")
    request = ChatRequest(
        messages=(Message(role=Role.USER, text=text),), max_output_tokens=0, paths=paths
    )
    told = await run.tools.models.preview(request)
    (message,) = told.request.messages
    return FilePreview(
        path=file.path,
        models=told.models,
        withheld=told.withheld,
        tokens=told.tokens,
        usd=told.most_usd,
        secrets=message.text.count("[redacted:") - text.count("[redacted:"),
        text=message.text,
    )


PREVIEW = Workflow(
    name="preview",
    version=1,
    run=preview,
    read_input=ReviewInput.read,
    write_input=ReviewInput.write,
    partition=ReviewInput.repository,
)
