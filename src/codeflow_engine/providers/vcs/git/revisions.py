"""Which two states a request compares, and what their commits say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from codeflow_engine.domain.change import INDEX, WORKTREE, ChangeRequest
from codeflow_engine.errors import ChangeUnavailableError, ConfigurationError
from codeflow_engine.providers.vcs.git.disk import shown
from codeflow_engine.providers.vcs.git.plumbing import Plumbing

__all__ = ["Comparison", "compare"]

_RESOLVED: Final = re.compile(rb"([0-9a-f]{40,64}) commit")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_RELATIVE: Final = re.compile(r"[~^@:{}]|\A[0-9a-f]{4,64}\Z|\Adetached HEAD")
"""In revisions that mean another commit after the next one, or one commit for ever."""

_DIGITS: Final = re.compile(r"[0-9a-f]{4,39}")
_COMMITS: Final = 50
_TOLD: Final = 16 * 1024
_UNCOMMITTED: Final = {WORKTREE: "working tree", INDEX: "index"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is compared."""

    old: str
    """Full id of a commit, or of the empty tree."""

    new: str
    """Full id of a commit, `WORKTREE` or `INDEX`."""

    key: str
    """What names the same comparison in a later state of the repository.

    A branch against a named base is one change for as long as the branch lives. What is not
    committed belongs to the commit under it: once committed, it is another change.
    """

    title: str
    description: str = ""


async def compare(plumbing: Plumbing, request: ChangeRequest) -> Comparison:
    """Resolve a request.

    Raises:
        ChangeUnavailableError: A revision, a merge base, or a working tree is not there.
        ConfigurationError: The request asks for what cannot be.
    """
    base, head = request.base, request.head
    for revision in (base, head):
        if revision == "":
            raise ConfigurationError("an empty text is no revision; leave it out instead")
    if base in _UNCOMMITTED:
        raise ConfigurationError(f"{base} can only be the head of a change, not its base")
    if base is None and head is None:
        head = WORKTREE
    if head in _UNCOMMITTED:
        return await _compare_uncommitted(plumbing, base, head or "")
    await plumbing.add_refs()
    if base is None:
        return await _compare_parent(plumbing, head or "")
    head = head or "HEAD"
    old, new = await _resolve(plumbing, base, head)
    old = await _merge_base(plumbing, (old, base), (new, head))
    messages = await _commits(plumbing, "%B", new, f"^{old}", most=_COMMITS + 1)
    count = f"{_COMMITS}+" if len(messages) > _COMMITS else str(len(messages))
    name = plumbing.head.label if head == "HEAD" and plumbing.head.ref else head
    title = _subject(messages[0]) if len(messages) == 1 else f"{base}..{name}: {count} commits"
    return Comparison(
        old=old,
        new=new,
        key=f"{_lasting(base, old)}..{_lasting(name, new)}",
        title=title,
        description=_bounded("\n\n".join(messages[:_COMMITS])),
    )


async def _compare_uncommitted(plumbing: Plumbing, base: str | None, head: str) -> Comparison:
    if plumbing.repository.root is None:
        raise ChangeUnavailableError(
            f"{shown(plumbing.repository.target)} has no {_UNCOMMITTED[head]} to review: "
            f"{plumbing.repository.no_root}; name a base or a head"
        )
    here = plumbing.head
    title = f"{_UNCOMMITTED[head]} of {here.label}"
    if base is None:
        old = here.id or plumbing.empty_tree
        return Comparison(old=old, new=head, key=f"{old}..{head}", title=title)
    await plumbing.add_refs()
    old, new = await _resolve(plumbing, base, "HEAD")
    old = await _merge_base(plumbing, (old, base), (new, "HEAD"))
    on = _lasting(here.label, new) if here.ref else new
    return Comparison(
        old=old,
        new=head,
        key=f"{_lasting(base, old)}..{on}{head}",
        title=f"{title} against {base}",
    )


async def _compare_parent(plumbing: Plumbing, head: str) -> Comparison:
    """Compare one commit with its first parent."""
    (new,) = await _resolve(plumbing, head)
    if new in plumbing.shallow:
        raise ChangeUnavailableError(
            f"the parent of {shown(head)} is not here ({plumbing.missing_hint()})"
        )
    told = await _commits(plumbing, "%P%x00%B", new, most=1)
    parents, _, message = told[0].partition("\0")
    return Comparison(
        old=parents.split()[0] if parents else plumbing.empty_tree,
        new=new,
        key=new,
        title=_subject(message),
        description=_bounded(message),
    )


def _lasting(name: str, found: str) -> str:
    """Give a name that a later state of the change has as well: a ref's, or else an id."""
    return found if name == "HEAD" or _RELATIVE.search(name) else name


async def _resolve(plumbing: Plumbing, *revisions: str) -> list[str]:
    """Give full ids of commits. Names go through standard input, where none is an option."""
    for revision in revisions:
        if _CONTROL.search(revision) or revision.startswith(":"):
            raise ChangeUnavailableError(f"{shown(revision)} is not a revision")
    if "HEAD" in revisions and plumbing.head.id is None:
        raise ChangeUnavailableError(f"{shown(plumbing.head.label)} has no commits yet")
    asked = [f"{revision}^{{commit}}\n".encode("utf-8", "replace") for revision in revisions]
    told = await plumbing.run(
        *("cat-file", "--batch-check=%(objectname) %(objecttype)"),
        stdin=b"".join(asked),
        also=(128,),  # for some names there is no answer, but an end
    )
    lines = told.splitlines()
    ids = []
    for place, revision in enumerate(revisions):
        line = lines[place] if place < len(lines) else b""
        found = _RESOLVED.fullmatch(line)
        if found is None:
            raise await _no_commit(plumbing, revision)
        ids.append(found[1].decode())
    return ids


async def _no_commit(plumbing: Plumbing, revision: str) -> ChangeUnavailableError:
    hint = ""
    if _DIGITS.fullmatch(revision):
        told = await plumbing.run("cat-file", "--batch-check", stdin=f"{revision}\n".encode())
        if told.endswith(b" ambiguous\n"):
            hint = ": several objects begin with these digits"
    if not hint and (plumbing.shallow or plumbing.repository.is_partial):
        hint = f" ({plumbing.missing_hint()})"
    return ChangeUnavailableError(
        f"{shown(plumbing.repository.target)} has no commit {shown(revision)}{hint}"
    )


async def _merge_base(plumbing: Plumbing, one: tuple[str, str], other: tuple[str, str]) -> str:
    """Find where two commits parted; each comes with the name that it was asked for by."""
    told = await plumbing.run("merge-base", one[0], other[0], also=(1,))
    if told:
        return told.split(b"\n", 1)[0].decode()
    hint = f" ({plumbing.missing_hint()})" if plumbing.shallow else ""
    raise ChangeUnavailableError(
        f"{shown(one[1])} and {shown(other[1])} have no commit in common{hint}"
    )


async def _commits(plumbing: Plumbing, form: str, *words: str, most: int) -> list[str]:
    """Describe commits, newest first."""
    told = await plumbing.run(
        *("rev-list", f"--max-count={most}", "--no-commit-header", "--encoding=UTF-8"),
        *(f"--format={form}%x00%x00", *words, "--"),
    )
    # No message holds a NUL, so that two of them end it.
    return [one.decode("utf-8", "replace").strip() for one in told.split(b"\0\0\n")[:-1]]


def _subject(message: str) -> str:
    return message.split("\n", 1)[0]


def _bounded(text: str) -> str:
    return text if len(text) <= _TOLD else text[:_TOLD] + "\n[cut]"
