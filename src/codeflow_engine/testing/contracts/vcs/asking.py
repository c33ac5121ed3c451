"""Ways to ask a VCS host."""

from __future__ import annotations

from collections.abc import Sequence

from codeflow_engine.contracts import VCS
from codeflow_engine.domain.change import Change, FileContent
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.shape import is_sound
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.contracts.answering import answered
from codeflow_engine.testing.contracts.vcs.published import Published

__all__ = ["fetch", "read"]

_ENOUGH = 10 * 1024 * 1024


async def fetch(backend: VCS, given: Published, sandbox: Sandbox) -> Change:
    """Fetch a change that is there."""
    change = await answered(backend.fetch_change(given.request, sandbox), f"{given.request}")
    assert isinstance(change, Change), f"it returned a {type(change).__name__}"
    return change


async def read(
    backend: VCS,
    change: Change,
    paths: Sequence[str],
    sandbox: Sandbox,
    *,
    side: Side = Side.NEW,
    limit: int = _ENOUGH,
) -> tuple[FileContent, ...]:
    """Read files; each path has its answer, in order."""
    call = backend.read_files(change, paths, side=side, limit=limit, sandbox=sandbox)
    found = await answered(call, "reading files")
    assert isinstance(found, tuple)
    assert [file.path for file in found] == list(paths)
    assert all(map(is_sound, found)), "a value has another type than is declared"
    return found
