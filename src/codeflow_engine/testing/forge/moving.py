"""What a push does to a pull request: comments follow their lines, or are outdated."""

from __future__ import annotations

from codeflow_engine.testing.forge.diffs import FileDiff
from codeflow_engine.testing.forge.state import PullRequest, ReviewComment

__all__ = ["follow_head", "place_comment", "pull_diff", "start_of"]


async def start_of(pull: PullRequest, head: str | None = None, base: str | None = None) -> str:
    """Give the commit that a pull request's diff starts from: where it left its base.

    Source: "About comparing branches in pull requests", section "Three-dot and two-dot Git diff
    comparisons", of /pull-requests/collaborating-with-pull-requests.
    """
    git = pull.repository.git
    base = base or pull.base_sha
    return await git.merge_base(base, head or pull.head_sha) or base


async def pull_diff(pull: PullRequest, head: str | None = None) -> tuple[FileDiff, ...]:
    """Give what a pull request changes, up to its head or to an earlier commit of it."""
    head = head or pull.head_sha
    return await pull.repository.git.diff(await start_of(pull, head), head)


async def follow_head(pull: PullRequest, head: str) -> None:
    """Move the head of a pull request, and the comments on its lines with it.

    A comment whose line was changed, or is no longer in the diff, is outdated (G18): its `line`
    and `position` are null, and only where it stood at first is known.

    Source: "Create a review comment for a pull request",
    /rest/pulls/comments#create-a-review-comment-for-a-pull-request, parameter `commit_id`.
    """
    git = pull.repository.git
    base = git.read_ref(f"refs/heads/{pull.base_ref}") or pull.base_sha
    diff = {file.name: file for file in await git.diff(await start_of(pull, head, base), head)}
    moves = {}
    for comment in pull.review_comments:
        if comment.subject == "line":
            moves[comment.id] = await _moves(pull, comment, head, base)
    with pull.repository.forge.lock:
        now = pull.repository.forge.clock.now()
        pull.base_sha, pull.head_sha, pull.polls, pull.updated_at = base, head, 0, now
        git.write_ref(f"refs/pull/{pull.number}/head", head)
        for comment in pull.review_comments:
            if comment.id in moves:
                _move(comment, moves[comment.id], diff.get(comment.path), head)


async def place_comment(pull: PullRequest, comment: ReviewComment) -> None:
    """Put a comment that was written on an earlier commit where it stands now (G18)."""
    head = pull.head_sha
    if comment.subject != "line" or comment.original_commit_id == head:
        return
    moves = await _moves(pull, comment, head, pull.base_sha)
    diff = {file.name: file for file in await pull_diff(pull, head)}
    with pull.repository.forge.lock:
        _move(comment, moves, diff.get(comment.path), head)


async def _moves(
    pull: PullRequest, comment: ReviewComment, head: str, base: str
) -> dict[str, FileDiff]:
    """Give what happened to a comment's file on either side, since it was written."""
    then = comment.original_commit_id
    sides = {
        "RIGHT": (then, head),
        "LEFT": (await start_of(pull, then), await start_of(pull, head, base)),
    }
    found = {}
    for side, (old, new) in sides.items():
        for file in await pull.repository.git.diff(old, new):
            if file.old_name == comment.path:
                found[side] = file
    return found


def _move(
    comment: ReviewComment, moves: dict[str, FileDiff], file: FileDiff | None, head: str
) -> None:
    line = _follow(comment.original_line, comment.side, moves)
    start = _follow(comment.original_start_line, comment.start_side or comment.side, moves)
    place = None if file is None or line is None else file.places.get((comment.side, line))
    lost_start = comment.original_start_line is not None and start is None
    if place is None or lost_start:
        comment.line = comment.start_line = comment.position = None
        return
    comment.line, comment.start_line, comment.position = line, start, place.position
    comment.commit_id = head


def _follow(line: int | None, side: str, moves: dict[str, FileDiff]) -> int | None:
    if line is None or side not in moves:
        return line
    return moves[side].follow(line)
