"""What is said beside the code: all threads of a pull request, and who speaks in them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.discussion import Comment, Person, Thread
from codeflow_engine.errors import (
    AuthenticationError,
    ChangeUnavailableError,
    InvalidResponseError,
)
from codeflow_engine.providers.vcs.github.bodies import end_marker
from codeflow_engine.providers.vcs.github.client import Author
from codeflow_engine.providers.vcs.github.posting.entries import field, is_actor, moment
from codeflow_engine.providers.vcs.github.posting.pull import Pull

__all__ = ["read_threads"]

_BOT: Final = "[bot]"
_PAGES: Final = 1_000

_PEOPLE: Final = """
fragment Who on Actor { login __typename }
fragment Dislikes on ReactionConnection {
  pageInfo { hasNextPage endCursor }
  nodes { user { login __typename } }
}
fragment Said on PullRequestReviewCommentConnection {
  pageInfo { hasNextPage endCursor }
  nodes {
    id databaseId body createdAt
    author { ...Who }
    pullRequestReview { state }
    reactions(content: THUMBS_DOWN, first: 20) { ...Dislikes }
  }
}
"""
_THREADS: Final = f"""
query Threads($owner: String!, $name: String!, $number: Int!, $after: String) {{
  repository(owner: $owner, name: $name) {{
    pullRequest(number: $number) {{
      reviewThreads(first: 50, after: $after) {{
        pageInfo {{ hasNextPage endCursor }}
        nodes {{
          id isResolved isOutdated path line startLine diffSide
          resolvedBy {{ login __typename }}
          comments(first: 20) {{ ...Said }}
        }}
      }}
    }}
  }}
}}
{_PEOPLE}
"""
_COMMENTS: Final = f"""
query Comments($id: ID!, $after: String) {{
  node(id: $id) {{
    ... on PullRequestReviewThread {{ comments(first: 100, after: $after) {{ ...Said }} }}
  }}
}}
{_PEOPLE}
"""
_REACTIONS: Final = """
query Reactions($id: ID!, $after: String) {
  node(id: $id) {
    ... on PullRequestReviewComment {
      reactions(content: THUMBS_DOWN, first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes { user { login __typename } }
      }
    }
  }
}
"""
_WRITES: Final = frozenset({"write", "maintain", "admin"})


async def read_threads(pull: Pull, *, ask_rights: bool = True) -> tuple[Thread, ...]:
    """Read all threads of a pull request, in the order in which GitHub has them.

    Comments of a review that was not submitted are left out: nobody else sees them.

    Args:
        pull: Whose threads.
        ask_rights: Whether to find out who may write to the repository.

    Raises:
        CodeflowError: A page is missing.
    """
    author = await pull.whoami()
    target = pull.target
    given = {"owner": target.owner, "name": target.name, "number": target.number}
    path = ("repository", "pullRequest", "reviewThreads")
    found = []
    async for node in _nodes(pull, _THREADS, given, path):
        thread = await _thread(pull, author, node)
        if thread.comments:
            found.append(thread)
    return await _with_rights(pull, found) if ask_rights else tuple(found)


async def _nodes(
    pull: Pull,
    query: str,
    given: Mapping[str, object],
    path: tuple[str, ...],
    first: Any = None,
) -> AsyncIterator[Any]:
    """Give the nodes of a connection, page after page, from a first page if it is there.

    Raises:
        InvalidResponseError: There is no page where one should be, or there is no end to them.
        ChangeUnavailableError: What has the connection is not there.
    """
    page = first
    after: object = None
    for _ in range(_PAGES):
        if page is None:
            data = await pull.client.graphql(query, {**given, "after": after})
            page = field(data, *path)
            if page is None:
                raise ChangeUnavailableError(f"{pull.target.text} is not there")
        nodes, info = field(page, "nodes"), field(page, "pageInfo")
        if not isinstance(nodes, list) or not isinstance(info, Mapping):
            raise InvalidResponseError("GitHub gave a page of threads in another form")
        for node in nodes:
            if node is not None:
                yield node
        after = info.get("endCursor")
        if not info.get("hasNextPage"):
            return
        page = None
    raise InvalidResponseError(f"GitHub gave more than {_PAGES} pages of threads")


async def _thread(pull: Pull, author: Author, node: Any) -> Thread:
    identity = str(field(node, "id"))
    entries = _nodes(
        pull, _COMMENTS, {"id": identity}, ("node", "comments"), field(node, "comments")
    )
    shown = [
        entry async for entry in entries if field(entry, "pullRequestReview", "state") != "PENDING"
    ]
    end, start = field(node, "line"), field(node, "startLine")
    return Thread(
        id=identity,
        path=str(field(node, "path")),
        side=Side.OLD if field(node, "diffSide") == "LEFT" else Side.NEW,
        line=_line(start if start is not None else end) if end is not None else None,
        end_line=_line(end),
        is_resolved=field(node, "isResolved") is True,
        resolved_by=_person(field(node, "resolvedBy")),
        is_outdated=field(node, "isOutdated") is True,
        fingerprint=_finding(author, shown[0]) if shown else None,
        comments=tuple([await _comment(pull, entry) for entry in shown]),
    )


async def _comment(pull: Pull, entry: Any) -> Comment:
    given = {"id": str(field(entry, "id"))}
    path = ("node", "reactions")
    dislikes = _nodes(pull, _REACTIONS, given, path, field(entry, "reactions"))
    people = [_person(field(one, "user")) async for one in dislikes]
    number = field(entry, "databaseId")
    return Comment(
        id=str(field(entry, "id") if number is None else number),
        author=_person(field(entry, "author")),
        body=str(field(entry, "body") or ""),
        at=moment(entry, "createdAt"),
        disliked_by=tuple(one for one in people if one is not None),
    )


def _finding(author: Author, first: Any) -> str | None:
    """Give the finding that a thread of ours is about."""
    if not is_actor(author, field(first, "author")):
        return None
    marker = end_marker(str(field(first, "body") or ""))
    return marker.finding if marker is not None and marker.kind == "comment" else None


def _line(found: Any) -> int | None:
    return found if type(found) is int and found > 0 else None


def _person(actor: Any) -> Person | None:
    """Read an account; an app has brackets behind its name, as it has everywhere else."""
    login = field(actor, "login")
    if not isinstance(login, str):
        return None
    is_bot = field(actor, "__typename") == "Bot" or login.endswith(_BOT)
    plain = login.removesuffix(_BOT)
    return Person(login=f"{plain}{_BOT}" if is_bot else plain, is_bot=is_bot)


async def _with_rights(pull: Pull, found: list[Thread]) -> tuple[Thread, ...]:
    people = {
        person.login: person
        for thread in found
        for person in (
            thread.resolved_by,
            *(comment.author for comment in thread.comments),
            *(one for comment in thread.comments for one in comment.disliked_by),
        )
        if person is not None and not person.is_bot
    }
    may = dict(
        zip(people, await asyncio.gather(*(_may_write(pull, one) for one in people)), strict=True)
    )

    def told(person: Person | None) -> Person | None:
        return person and replace(person, may_write=may.get(person.login, False))

    return tuple(
        replace(
            thread,
            resolved_by=told(thread.resolved_by),
            comments=tuple(
                replace(
                    comment,
                    author=told(comment.author),
                    disliked_by=tuple(filter(None, map(told, comment.disliked_by))),
                )
                for comment in thread.comments
            ),
        )
        for thread in found
    )


async def _may_write(pull: Pull, login: str) -> bool:
    """Ask what an account may do; False where GitHub does not say."""
    path = f"{pull.repository}/collaborators/{quote(login, safe='')}/permission"
    try:
        told = (await pull.client.request("GET", path, needs="metadata: read")).body
    except (AuthenticationError, ChangeUnavailableError):
        return False
    return field(told, "permission") in _WRITES or field(told, "role_name") in _WRITES
