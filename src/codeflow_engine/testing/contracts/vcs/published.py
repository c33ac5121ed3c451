"""A change on the host under test, and what is known of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import pytest

from codeflow_engine.domain.change import ChangeRequest
from codeflow_engine.domain.diff import Diff, DiffFile, FileStatus, apply
from codeflow_engine.errors import DiffError
from codeflow_engine.testing.examples import SUBMODULE, Example, ExampleFile

__all__ = ["Publish", "Published", "example_of", "shortcomings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A change that stands on the host."""

    request: ChangeRequest
    """What it is asked for with."""

    example: Example | None = None
    """What it holds; None where only the request is known, so that tests which compare
    with an example, or which write, are skipped. A host that cannot hold all of an example
    says here what it holds."""

    absent: ChangeRequest | None = None
    """Asks for a change that is not there; by default, a target with some words behind."""

    push: Callable[[Example], Awaitable[None] | None] | None = None
    """Puts another state in the place of the change, as its author does who pushes, or goes
    on editing; None where that cannot be done here."""


type Publish = Callable[[Example], Awaitable[Published]]


def example_of(given: Published) -> Example:
    """Give what a change holds, or skip the test."""
    if given.example is None:
        pytest.skip("what the change holds is not known: it was not made from an example")
    return given.example


def shortcomings(example: Example, diff: Diff) -> Iterator[str]:
    """Say in what a diff falls short of the change between the trees of an example.

    Another algorithm may find other hunks, and call a move what is an addition and a
    deletion: a diff is right where it makes the one tree out of the other.
    """
    old_sides: set[str] = set()
    new_sides: set[str] = set()
    for file in diff.files:
        yield from _wrong(example, file)
        if file.old_path is not None and file.status is not FileStatus.COPIED:
            old_sides.add(file.old_path)
        if file.new_path is not None:
            new_sides.add(file.new_path)
    for path in sorted(example.base.keys() | example.head.keys()):
        differs = example.base.get(path) != example.head.get(path)
        if differs and path in example.base and path not in old_sides:
            yield f"{path!r} was changed or removed, and no entry says so"
        if differs and path in example.head and path not in new_sides:
            yield f"{path!r} was changed or added, and no entry says so"
        if not differs and path in old_sides & new_sides:
            yield f"{path!r} has an entry, and is what it was"


def _wrong(example: Example, file: DiffFile) -> Iterator[str]:
    old, new = example.base.get(file.old_path or ""), example.head.get(file.new_path or "")
    if (file.old_path and old is None) or (file.new_path and new is None):
        yield f"{file.path!r} has a side that the change does not have"
        return
    for told, side in ((file.old_mode, old), (file.new_mode, new)):
        if side is not None and told not in {None, side.mode}:
            yield f"{file.path!r} has the mode {side.mode}, not {told}"
    if new is not None and file.new_mode is None and (old is None or old.mode != new.mode):
        yield f"{file.path!r} comes with a mode that is not told"
    if file.is_binary:
        if not any(b"\0" in side.content for side in (old, new) if side):
            yield f"{file.path!r} is a text, and is shown as binary"
        return
    try:
        made = apply(file, _content(old))
    except DiffError as error:
        yield f"{file.path!r}: {error}"
        return
    if made != _content(new):
        yield f"{file.path!r} becomes something else by its hunks"


def _content(file: ExampleFile | None) -> bytes:
    """Give what a diff shows of a file."""
    if file is None:
        return b""
    if file.mode == SUBMODULE:
        return b"Subproject commit %s\n" % file.content
    return file.content
