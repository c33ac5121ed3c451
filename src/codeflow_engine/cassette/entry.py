"""One entry of a cassette: something that was asked, and what came of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

__all__ = ["KINDS", "Call", "Entry", "digest_of"]

KINDS: Final = ("run", "clock", "sandbox", "vcs", "analyzer", "storage", "llm")
"""Kinds of entries in the order in which a cassette holds them: about that of a review."""


def digest_of(plain: Any) -> str:
    """Digest plain JSON data; equal for equal data, whatever the order of its keys."""
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is asked of a backend, without secrets."""

    kind: str
    """One of `KINDS`."""

    name: str
    """Of the backend."""

    method: str
    about: str = ""
    """In a few words what is asked for, such as a path."""

    asked: Any = None
    """The arguments as plain JSON data; large ones by their digest."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Tell calls apart: two that are equal in it are the same call."""
        return self.kind, self.name, self.method, digest_of(self.asked)

    def __str__(self) -> str:
        told = " ".join(part for part in (self.kind, self.name, self.method) if part)
        return f"{told} ({self.about})" if self.about else told


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A call, and what came of it: a value or a failure."""

    call: Call
    number: int = 0
    """Which of the calls that are equal, from 0."""

    value: Any = None
    """Plain JSON data, in the form of the journal."""

    parts: tuple[bytes, ...] = field(default=(), repr=False)
    """The bytes of the value, such as a diff: in the value stand their lengths."""

    failure: str | None = None
    """The error that was raised instead, as the journal writes it."""

    line: int | None = field(default=None, compare=False)
    """Line of the file that it was read from, counted from 1."""

    @property
    def place(self) -> tuple[Any, ...]:
        """Where it stands among the entries of a cassette."""
        kind, name, method, digest = self.call.key
        return KINDS.index(kind), name, method, self.call.about, digest, self.number
