"""Git's objects as values: what `cat-file` and `ls-tree` write, read."""

from __future__ import annotations

from dataclasses import dataclass

from codeflow_engine.testing.forge.clock import stamp

__all__ = ["Commit", "Entry", "Person", "read_commit", "read_tree"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who wrote a commit, as it stands in it."""

    name: str
    email: str
    date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of a tree."""

    path: bytes
    mode: str
    kind: str
    """`blob`, `tree` or `commit`."""
    sha: str
    size: int | None
    """Bytes, of a blob."""

    @property
    def shown(self) -> str:
        """The path as JSON can have it: what is no UTF-8 becomes U+FFFD."""
        return self.path.decode("utf-8", "replace")


def read_commit(sha: str, raw: bytes) -> Commit:
    """Read a commit as git stores it."""
    head, _, message = raw.decode("utf-8", "replace").partition("\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.split("\n"):
        name, _, value = line.partition(" ")
        fields.setdefault(name, []).append(value)
    return Commit(
        sha=sha,
        tree=fields["tree"][0],
        parents=tuple(fields.get("parent", ())),
        author=_person(fields["author"][0]),
        committer=_person(fields["committer"][0]),
        message=message.removesuffix("\n"),
    )


def _person(line: str) -> Person:
    who, seconds, _ = line.rsplit(" ", 2)
    name, _, email = who.partition(" <")
    return Person(name=name, email=email.removesuffix(">"), date=stamp(int(seconds)))


def read_tree(raw: bytes) -> tuple[Entry, ...]:
    """Read what `git ls-tree -z --long` writes."""
    entries = []
    for row in raw.split(b"\0")[:-1]:
        head, _, path = row.partition(b"\t")
        mode, kind, sha, size = head.decode("ascii").split()
        entries.append(
            Entry(path=path, mode=mode, kind=kind, sha=sha, size=None if size == "-" else int(size))
        )
    return tuple(entries)
