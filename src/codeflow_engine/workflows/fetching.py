"""How a workflow gets at a change, its files, and its repository's policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, override

from codeflow_engine.domain.change import Change, FileContent
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.shape import is_sound
from codeflow_engine.errors import (
    CodeflowError,
    ConfigurationError,
    PluginError,
)
from codeflow_engine.pace.retry import Retry
from codeflow_engine.review.policy import POLICY_PATH, RepositoryPolicy, read_policy
from codeflow_engine.runs.context import RunContext
from codeflow_engine.workflows.review_input import ReviewInput

__all__ = ["AGAIN", "fetch", "read_again", "read_files", "read_policy_of"]

AGAIN: Final = Retry(attempts=4, first=2.0, most=60.0)
"""For steps that only read from a host, and for failures that say of themselves that they may
pass. Where the host asks for a longer pause, the run is put aside for so long."""


class _Soon(Retry):
    """For reads inside of a step that has a time of its own: no pause that a host asks for."""

    @override
    def covers(self, error: BaseException) -> bool:
        asked = error.retry_after if isinstance(error, CodeflowError) else None
        return super().covers(error) and (asked or 0.0) <= self.most


_SOON: Final = _Soon(attempts=4, first=1.0, most=5.0)


async def fetch(run: RunContext, given: ReviewInput) -> Change:
    """Get the change that is asked for, from its host where it was not handed in."""
    if isinstance(given.change, Change):
        return given.change
    tools = run.tools
    change = await tools.host().fetch_change(given.change, tools.sandbox)
    if not is_sound(change):
        raise PluginError(f"vcs {tools.vcs!r} gave a {type(change).__name__} that is no change")
    return replace(change, provider=tools.vcs)


async def read_policy_of(run: RunContext, change: Change) -> RepositoryPolicy:
    """Read what the base revision of a change says about reviews."""
    if change.base is None:
        return RepositoryPolicy()
    (file,) = await read_files(run, change, [POLICY_PATH], Side.OLD)
    if not file.exists:
        return RepositoryPolicy()
    if file.content is None:
        raise ConfigurationError(f"{POLICY_PATH} at {change.base[:12]}: {file.reason}")
    return await run.compute("read-policy", read_policy, file.content, change.base)


async def read_files(
    run: RunContext, change: Change, paths: Sequence[str], side: Side
) -> tuple[FileContent, ...]:
    """Read files of one side of a change, in the order of the paths."""
    if change.provider is None:
        reason = "a bare patch has no files around it"
        return tuple(FileContent(path=path, exists=False, reason=reason) for path in paths)
    tools = run.tools
    vcs = tools.host(change.provider)
    limit = tools.settings.max_file_bytes
    files = await vcs.read_files(change, paths, side=side, limit=limit, sandbox=tools.sandbox)
    if not (all(map(is_sound, files)) and [file.path for file in files] == [*paths]):
        raise PluginError(f"vcs {change.provider!r} gave other files than it was asked for")
    return files


async def read_again(
    run: RunContext, change: Change, paths: Sequence[str], side: Side
) -> tuple[FileContent, ...]:
    """Read files for an analyzer, which examines nothing where a read has failed once."""
    return await _SOON.go(run.tools.clock, read_files, run, change, paths, side)
