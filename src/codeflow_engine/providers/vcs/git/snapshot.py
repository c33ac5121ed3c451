"""The index or the working tree as a tree of its own, beside the repository.

What differs from the commit that is checked out is written into our own object store, so
that a comparison of two trees serves every kind of change.
"""

from __future__ import annotations

from dataclasses import dataclass

from codeflow_engine.domain.change import INDEX
from codeflow_engine.errors import ChangeUnavailableError
from codeflow_engine.providers.vcs.git.disk import Stop, in_thread, shown
from codeflow_engine.providers.vcs.git.examining import Examiner
from codeflow_engine.providers.vcs.git.index import Staged, copy_index, read_index, read_staged
from codeflow_engine.providers.vcs.git.plumbing import Plumbing
from codeflow_engine.providers.vcs.git.recording import Recorder
from codeflow_engine.providers.vcs.git.rules import Rules
from codeflow_engine.providers.vcs.git.worktree import find_differences

__all__ = ["Snapshot", "take"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is not committed, ready to be compared."""

    tree: str
    """Full id of a commit or tree."""

    notices: bytes = b""
    """Entries of a diff for files that differ but cannot be shown."""

    unmerged: tuple[bytes, ...] = ()
    """Paths in conflict."""


async def take(plumbing: Plumbing, what: str, *, old: str) -> Snapshot:
    """Write a snapshot of the index or the working tree.

    Args:
        plumbing: Of a repository with a working tree.
        what: `INDEX` or `WORKTREE`.
        old: What the snapshot will be compared with.

    Raises:
        ChangeUnavailableError: Something cannot be read, or a cap is reached.
    """
    written = await copy_index(plumbing)
    staged, unmerged = await read_staged(plumbing, plumbing.head.id or plumbing.empty_tree)
    with Recorder.on(plumbing) as recorder:
        if what != INDEX:
            return await _take_worktree(plumbing, recorder, staged, written=written, old=old)
        if unmerged:
            raise ChangeUnavailableError(
                f"the index has {len(unmerged)} paths in conflict, such as "
                f"{shown(min(unmerged))}: resolve them, or review the working tree"
            )
        await in_thread(lambda _: recorder.apply(staged))
        return Snapshot(tree=await recorder.finish())


async def _take_worktree(
    plumbing: Plumbing,
    recorder: Recorder,
    staged: dict[bytes, Staged | None],
    *,
    written: int,
    old: str,
) -> Snapshot:
    index = await read_index(plumbing, written)
    rules = Rules(plumbing)
    differences = await find_differences(plumbing, index, rules)
    suspects = differences.suspects
    examiner = Examiner(
        plumbing,
        recorder,
        suspects,
        unmerged=index.unmerged,
        attributes=await rules.attributes(sorted(suspects)),
    )
    if suspects:
        await examiner.look_at_recorded_line_ends(await in_thread(examiner.find_crlf))

    def record(stop: Stop) -> None:
        recorder.apply(staged, gone=differences.gone, folders=differences.folders)
        for path, commit in sorted(differences.submodules.items()):
            recorder.point(path, b"160000", commit.encode())
        examiner.examine(stop)

    await in_thread(record)
    notices = await examiner.settle_opaque(old)
    return Snapshot(
        tree=await recorder.finish(), notices=notices, unmerged=tuple(sorted(index.unmerged))
    )
