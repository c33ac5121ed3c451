"""What a review is asked to look at, in all the forms that a caller may give it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from codeflow_engine.domain.change import Change, ChangeRequest
from codeflow_engine.domain.diff import Diff
from codeflow_engine.errors import ConfigurationError

__all__ = ["MAX_PATCH_BYTES", "ReviewInput"]

MAX_PATCH_BYTES = 256 * 1024 * 1024
_FORGE_ID = re.compile(r"[\w.-]+/[\w.-]+[#!]\d+")
_KEYS = {"change", "base", "head", "analyzers"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewInput:
    """The input of the workflow `review`."""

    change: Change | ChangeRequest
    analyzers: tuple[str, ...] | None = None
    """Names of the analyzers to ask; None leaves it to the settings."""

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Understand what the caller gave.

        `change` is the path of a repository, the path of a patch file, the text or bytes of
        a patch, a `Diff`, a `Change`, or the id of a change on a forge. `base` and `head`
        name revisions and go with a repository only.

        Raises:
            ConfigurationError: Something of it is missing, unknown or of no use.
            DiffError: A patch that cannot be read.
        """
        unknown = sorted(given.keys() - _KEYS)
        if unknown or "change" not in given:
            raise ConfigurationError(
                f"a review takes {', '.join(sorted(_KEYS))} and needs a change; "
                f"unknown: {', '.join(unknown) or 'nothing'}"
            )
        names = given.get("analyzers")
        if isinstance(names, str):
            raise ConfigurationError("analyzers is a list of names, not one text")
        change = _read_change(given["change"], given.get("base"), given.get("head"))
        return cls(change=change, analyzers=None if names is None else tuple(dict.fromkeys(names)))

    def write(self) -> Mapping[str, Any]:
        """Give plain JSON data that tells what was asked."""
        change = self.change
        told: dict[str, Any]
        if isinstance(change, ChangeRequest):
            told = {"change": change.target, "base": change.base, "head": change.head}
        else:
            told = {"change": f"a patch of {len(change.diff.data)} bytes: {change.title}"}
        return {**told, "analyzers": None if self.analyzers is None else list(self.analyzers)}


def _read_change(given: object, base: str | None, head: str | None) -> Change | ChangeRequest:
    change = _read_patch(given)
    if change is None:
        return ChangeRequest(target=str(given), base=base, head=head)
    if base is not None or head is not None:
        raise ConfigurationError("base and head go with a repository, not with a patch")
    return change


def _read_patch(given: object) -> Change | None:
    """Read a patch in any of its forms; None where a repository or a forge is meant."""
    if isinstance(given, Change):
        return given
    if isinstance(given, Diff):
        return Change.from_diff(given)
    if isinstance(given, bytes) or (isinstance(given, str) and "\n" in given):
        return Change.from_diff(Diff.parse(given))
    if not isinstance(given, str | os.PathLike):
        raise ConfigurationError(f"a {type(given).__name__} is no change")
    path = Path(given)
    if path.is_file():
        return Change.from_diff(Diff.parse(_read_file(path)), title=path.name)
    if not path.exists() and isinstance(given, str) and _FORGE_ID.fullmatch(given):
        raise ConfigurationError(
            f"{given!r} names a change on a forge, and no VCS host for forges is installed; "
            f"give the path of a repository or a patch"
        )
    return None


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_PATCH_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"the patch {str(path)!r} cannot be read: {error}") from error
    if len(content) > MAX_PATCH_BYTES:
        raise ConfigurationError(f"the patch {str(path)!r} is over {MAX_PATCH_BYTES} bytes")
    return content
