"""Which files of a change belong together, by their paths alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

__all__ = ["Place", "is_test", "places", "words"]

type Place = tuple[str, ...]
"""Where a file stands among others: files whose places begin alike are near each other."""


def words(text: str) -> frozenset[str]:
    """Give the words of a text: a table of many short ones is easier to read in this form."""
    return frozenset(text.split())


_FIRST: Final = "\0"
"""Before the name of a file, so that it is no directory's name, and stands before them."""

_DEEPEST: Final = 8
"""Directories, counted from the file, that are compared to find what a test is for."""

_TESTING: Final = words("test tests testing spec specs __tests__ __test__ e2e")
_LAYOUT: Final = _TESTING | words("unit integration functional src lib main include")
_TEST_STEM: Final = re.compile(
    r"(?:tests?[_-](?P<after>.+)|(?P<before>.+?)(?:[._-](?:tests?|spec|e2e|unittest)))\Z"
)
_CAMEL_TEST: Final = re.compile(r"(?P<before>.*[a-z0-9])(?:Tests?|IT|Spec)\Z")
_ENDS: Final = re.compile(r"(?P<stem>.+?)(?P<declares>\.d)?\.(?P<end>\w+)\Z")
_HEADERS: Final = words("h hh hpp hxx pyi pxd mli")
_FAMILIES: Final = {
    end: ends
    for ends in (
        *("c cc cpp cxx m mm cu h hh hpp hxx", "py pyi pyx pxd", "ml mli", "cs vb fs"),
        *("js jsx mjs cjs ts tsx mts cts vue svelte", "java kt kts scala groovy"),
    )
    for end in ends.split()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """What a path says about a file."""

    family: str
    stem: str
    directories: Place
    """Without those of a layout (`src`, `tests`), which differ between a module and its test."""

    test: bool
    header: bool

    @classmethod
    def of(cls, path: str) -> _Named:
        *parts, name = path.split("/")
        ends = _ENDS.match(name)
        stem, end = (ends["stem"], ends["end"].lower()) if ends else (name, "")
        found = _TEST_STEM.match(stem.lower()) or _CAMEL_TEST.match(stem)
        if found:
            stem = found["before"] or found["after"]
        lower = [part.lower() for part in parts]
        return cls(
            family=_FAMILIES.get(end, end),
            stem=stem.lower(),
            directories=tuple(part for part in lower if part not in _LAYOUT)[-_DEEPEST:],
            test=found is not None or not _TESTING.isdisjoint(lower),
            header=end in _HEADERS or bool(ends and ends["declares"]),
        )


def is_test(path: str) -> bool:
    """Tell whether a file is there for tests, by its name or its directories."""
    return _Named.of(path).test


def places(paths: Iterable[str]) -> dict[str, Place]:
    """Give each file its place: its directories, what it belongs to, and itself.

    A test belongs to the module that it tests, and a header to its source, where the change
    has one that fits alone: of the same name, in directories that are the same but for
    those of a layout, or that the longer path has at its end. Every other file belongs to
    itself. So no place depends on files of other names.
    """
    named = {path: _Named.of(path) for path in paths}
    subjects = _Subjects(named)
    found: dict[str, Place] = {}
    for path, one in named.items():
        subject = subjects.find(one)
        *directories, name = (subject or path).split("/")
        found[path] = (*directories, f"{_FIRST}{name}", path if subject else "")
    return found


class _Subjects:
    """The files that others may belong to."""

    def __init__(self, named: dict[str, _Named]) -> None:
        self._here: dict[tuple[str, str, Place], str | None] = {}
        self._below: dict[tuple[str, str, Place], str | None] = {}
        for path, one in named.items():
            if one.test or one.header:
                continue
            for start in range(len(one.directories) + 1):
                key = one.family, one.stem, one.directories[start:]
                # Two that fit are as good as none: neither is told apart.
                self._below[key] = None if key in self._below else path
                if start == 0:
                    self._here[key] = None if key in self._here else path

    def find(self, one: _Named) -> str | None:
        """Find what a test or a header belongs to."""
        if not one.test and not one.header:
            return None
        key = one.family, one.stem, one.directories
        if key in self._here:
            return self._here[key]
        if key in self._below or one.test:
            return self._below.get(key)
        tails = (one.directories[start:] for start in range(1, len(one.directories) + 1))
        keys = ((one.family, one.stem, tail) for tail in tails)
        return next((self._here[tail] for tail in keys if tail in self._here), None)
