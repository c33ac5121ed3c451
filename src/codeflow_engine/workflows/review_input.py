"""What a review is asked to look at, in all the forms that a caller may give it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

from codeflow_engine.domain.budget import Budget
from codeflow_engine.domain.change import Change, ChangeRequest, Scope
from codeflow_engine.domain.diff import Diff
from codeflow_engine.errors import ConfigurationError, DiffError

__all__ = ["MAX_PATCH_BYTES", "ReviewInput", "open_patch", "read_patch"]

MAX_PATCH_BYTES = 256 * 1024 * 1024
_TOLD = 100
"""Characters of a name that an error repeats."""

_KEYS = {"change", "base", "head", "llm", "analyzers", "budget", "scope", "reports", "heed_bots"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewInput:
    """The input of the workflow `review`."""

    change: Change | ChangeRequest
    analyzers: tuple[str, ...] | None = None
    """Names of the analyzers to ask; None leaves it to the settings."""

    llm: tuple[str, ...] | None = None
    """Ids of the models to ask, in their order; None leaves it to the engine, and none asks
    none."""

    budget: Budget | None = None
    """What the run may spend on models; None leaves it to the engine."""

    scope: Scope | None = None
    """Which findings count; None leaves it to the settings."""

    reports: tuple[str, ...] = ()
    """Absolute paths of the reports of other tools that belong to the change."""

    heed_bots: tuple[str, ...] | None = None
    """Logins of other programs whose open comments are findings; None leaves it to the
    settings."""

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Understand what the caller gave.

        `change` is the path of a repository, the path of a patch file, the text or bytes of
        a patch, a `Diff`, a `Change`, or the id of a change in the words of the VCS host.
        `base` and `head` name revisions, and go with no patch. `reports` are paths.

        Raises:
            ConfigurationError: Something of it is missing, unknown or of no use, or a file
                holds no patch.
            DiffError: A text or bytes that are no patch.
        """
        unknown = sorted(given.keys() - _KEYS)
        if unknown or "change" not in given:
            raise ConfigurationError(
                f"a review takes {', '.join(sorted(_KEYS))} and needs a change; "
                f"unknown: {', '.join(unknown) or 'nothing'}"
            )
        llm = given.get("llm")
        return cls(
            change=_read_change(given["change"], given.get("base"), given.get("head")),
            llm=_read_names([llm] if isinstance(llm, str) else llm, "models", "llm"),
            budget=_read_budget(given.get("budget")),
            analyzers=_read_names(given.get("analyzers"), "analyzers", "analyzers"),
            scope=_read_scope(given.get("scope")),
            reports=_read_reports(given.get("reports")),
            heed_bots=_read_names(given.get("heed_bots"), "heeded bots", "heed_bots"),
        )

    def repository(self) -> str | None:
        """Name what the change belongs to; None for a bare patch."""
        change = self.change
        if not isinstance(change, ChangeRequest):
            return change.target or None
        # A forge numbers the changes of a repository, as in `acme/shop#42`.
        is_path = os.path.isabs(change.target)  # noqa: PTH117 - a text may hold what no path can
        return change.target if is_path else change.target.partition("#")[0]

    def write(self) -> Mapping[str, Any]:
        """Give plain JSON data that tells what was asked."""
        change = self.change
        told: dict[str, Any]
        if isinstance(change, ChangeRequest):
            told = {"change": change.target, "base": change.base, "head": change.head}
        else:
            told = {"change": f"a patch of {len(change.diff.data)} bytes: {change.title}"}
        return {
            **told,
            "llm": None if self.llm is None else list(self.llm),
            "budget": None if self.budget is None else self.budget.to_json(),
            "analyzers": None if self.analyzers is None else list(self.analyzers),
            "scope": None if self.scope is None else self.scope.value,
            "reports": list(self.reports),
            "heed_bots": None if self.heed_bots is None else list(self.heed_bots),
        }


def _read_names(given: object, what: str, option: str) -> tuple[str, ...] | None:
    if given is None:
        return None
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ConfigurationError(f"{option} is a list of names")
    names = tuple(given)  # once: an iterator is empty afterwards
    if strangers := [type(one).__name__ for one in names if not isinstance(one, str)]:
        raise ConfigurationError(
            f"the {what} of a review are names, not a {strangers[0]}: hand one of your own to "
            f"the engine, Engine({option}=[...])"
        )
    return tuple(dict.fromkeys(names))


def _read_budget(given: object) -> Budget | None:
    if given is None or isinstance(given, Budget):
        return given
    if isinstance(given, Mapping) and given.keys() <= {"usd", "tokens"}:
        return Budget(**given)
    raise ConfigurationError("the budget of a review is a Budget, or its usd and tokens by name")


def _read_scope(given: object) -> Scope | None:
    if given is None:
        return None
    try:
        return Scope(str(given))
    except ValueError:
        known = " or ".join(Scope)
        raise ConfigurationError(f"the scope of a review is {known}, not {given!r}") from None


def _read_reports(given: object) -> tuple[str, ...]:
    if given is None:
        return ()
    if isinstance(given, str | os.PathLike) or not isinstance(given, Iterable):
        raise ConfigurationError("reports is a list of paths")
    paths = tuple(given)  # once: an iterator is empty afterwards
    if strangers := [one for one in paths if not isinstance(one, str | os.PathLike)]:
        raise ConfigurationError(f"reports are paths, not a {type(strangers[0]).__name__}")
    # Whoever goes on with the run may have another working directory.
    return tuple(dict.fromkeys(os.path.abspath(os.fsdecode(one)) for one in paths))  # noqa: PTH100 - a text may hold what no path can


def _read_change(given: object, base: str | None, head: str | None) -> Change | ChangeRequest:
    path = _as_path(given)
    if path is None or _is_file(path):
        if base is not None or head is not None:
            raise ConfigurationError("base and head go with a repository, not with a patch")
        return _read_given(given, path)
    # Whoever goes on with the run may have another working directory.
    target = os.path.abspath(path) if path.is_dir() else str(given)  # noqa: PTH100 - `Path.absolute` leaves `..` in
    return ChangeRequest(target=target, base=base, head=head)


def _as_path(given: object) -> Path | None:
    """Tell whether a path is meant; a text with a line break is a patch."""
    if isinstance(given, os.PathLike) or (isinstance(given, str) and "\n" not in given):
        return Path(given)
    return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:  # such as a name that is too long
        told = str(path)[:_TOLD]
        raise ConfigurationError(f"{told!r} cannot be looked at: {error.strerror}") from None


def _read_given(given: object, path: Path | None) -> Change:
    if path is not None:
        with open_patch(path) as stream:
            return read_patch(stream, path.name)
    if isinstance(given, Change):
        return given
    if isinstance(given, str | bytes):
        given = Diff.parse(given)
    if isinstance(given, Diff):
        return Change.from_diff(given)
    raise ConfigurationError(f"a {type(given).__name__} is no change")


def open_patch(path: Path) -> BinaryIO:
    """Open a patch, which may be a pipe.

    Raises:
        ConfigurationError: There is no such file, or it cannot be opened.
    """
    try:
        return path.open("rb")
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(f"the patch {str(path)!r} cannot be read: {reason}") from error


def read_patch(stream: BinaryIO, name: str) -> Change:
    """Read a patch to its end; its name becomes the title of the change.

    Raises:
        ConfigurationError: It cannot be read, is too large, or holds no patch: a wrong file
            never reads as an empty change.
    """
    try:
        content = stream.read(MAX_PATCH_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(f"the patch {name} cannot be read: {reason}") from error
    if len(content) > MAX_PATCH_BYTES:
        raise ConfigurationError(f"the patch {name} is over {MAX_PATCH_BYTES} bytes")
    try:
        return Change.from_diff(Diff.parse(content), title=name)
    except DiffError as error:
        raise ConfigurationError(f"{name} is no patch: {error.message}") from error
