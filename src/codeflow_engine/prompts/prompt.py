"""Prompts as files: what ships with the package, and what a host puts in its place."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

from codeflow_engine.errors import ConfigurationError

__all__ = ["Prompt", "Prompts"]

_SHIPPED: Final = Path(__file__).parent
_SUFFIX: Final = ".md"
_MARK: Final = "<!-- version "
_MOST: Final = 100_000
"""Characters; a prompt is sent with every chunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a model is told for one task."""

    name: str
    version: str
    """A number, of one that ships; of a host's own, the digest of its text."""

    text: str
    """With a `$name` for each part that the engine fills in; `$$` is a dollar sign."""

    @property
    def id(self) -> str:
        """Name and version, such as `inspect/1`: answers to another version are other answers."""
        return f"{self.name}/{self.version}"

    def fill(self, **parts: str) -> str:
        """Put the parts in."""
        return Template(self.text).substitute(parts)


class Prompts:
    """All prompts of an engine.

    Args:
        directory: Where a host keeps its own, each under the name of the one that it takes the
            place of, such as `inspect.md`. None: those that ship.

    Raises:
        ConfigurationError: There is no such directory, or a file in it that is no prompt.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._prompts = {path.stem: _shipped(path) for path in _SHIPPED.glob(f"*{_SUFFIX}")}
        if directory is not None:
            self._prompts |= {path.stem: self._own(path) for path in _files(directory)}

    def get(self, name: str) -> Prompt:
        """Give the prompt for a task of the engine's."""
        return self._prompts[name]

    def _own(self, path: Path) -> Prompt:
        """Read a host's own, which takes exactly the parts of the one in whose place it stands."""
        shipped = self._prompts.get(path.stem)
        if shipped is None:
            known = ", ".join(f"{name}{_SUFFIX}" for name in sorted(self._prompts))
            raise ConfigurationError(
                f"{str(path)!r} takes the place of no prompt; there is {known}"
            )
        text = _read(path)
        template = Template(text)
        wanted = set(Template(shipped.text).get_identifiers())
        if not template.is_valid() or set(template.get_identifiers()) != wanted:
            told = ", ".join(f"${name}" for name in sorted(wanted)) or "none"
            raise ConfigurationError(
                f"the prompt {str(path)!r} has to hold these parts and no others: {told}; "
                f"a dollar sign is written $$"
            )
        version = hashlib.sha256(text.encode()).hexdigest()[:12]
        return Prompt(name=path.stem, version=version, text=text)


def _shipped(path: Path) -> Prompt:
    head, _, text = path.read_text("utf-8").partition("\n")
    version = head.removeprefix(_MARK).removesuffix(" -->")
    return Prompt(name=path.stem, version=version, text=text)


def _files(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.suffix == _SUFFIX)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(
            f"the prompts in {str(directory)!r} cannot be read: {reason}"
        ) from None


def _read(path: Path) -> str:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the prompt {str(path)!r} cannot be read: {error}") from None
    if not text.strip() or len(text) > _MOST:
        raise ConfigurationError(f"the prompt {str(path)!r} has to hold 1 to {_MOST:,} characters")
    return text
