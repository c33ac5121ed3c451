"""Diffs as text: in the media types `diff` and `patch`, and what is too large for them."""

from __future__ import annotations

from codeflow_engine.testing.forge.diffs import FileDiff
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.refusal import Refusal
from codeflow_engine.testing.forge.repository import Repository

__all__ = ["raw_diff"]


async def raw_diff(
    asked: Exchange, repository: Repository, diff: tuple[FileDiff, ...], start: str, end: str
) -> web.Response:
    """Give what differs between two commits in the media type that was asked for.

    Source: "Get a pull request", /rest/pulls/pulls#get-a-pull-request; "Compare two commits".
    """
    raw = b"".join(file.raw for file in diff)
    _refuse_large(asked, len(diff), raw)
    if asked.media == "patch":
        raw = await repository.git.patch(start, end)
    kind = f"application/vnd.github.{asked.media}; charset=utf-8"
    return web.Response(body=raw, headers={"Content-Type": kind})


def _refuse_large(asked: Exchange, files: int, raw: bytes) -> None:
    """Refuse a diff of more than 300 files, 20,000 lines or a megabyte (G23).

    Source: "Repository limits", section "Diff limits",
    /repositories/creating-and-managing-repositories/repository-limits; the wording is the
    API's own.
    """
    rules = asked.forge.rules
    if files > rules.diff_files:
        over = (
            f"files ({rules.diff_files}). Consider using 'List pull requests files' API or locally"
            " cloning the repository instead."
        )
    elif raw.count(b"\n") > rules.diff_lines:
        over = f"lines ({rules.diff_lines})"
    elif len(raw) > rules.diff_bytes:
        over = f"bytes ({rules.diff_bytes})"
    else:
        return
    raise Refusal(
        406,
        f"Sorry, the diff exceeded the maximum number of {over}",
        errors=[{"resource": "PullRequest", "field": "diff", "code": "too_large"}],
        documentation="/rest/pulls/pulls#list-pull-requests-files",
    )
