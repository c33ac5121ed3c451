"""Where the key of a provider comes from."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from codeflow_engine.errors import ConfigurationError

__all__ = ["Key", "read_variable"]


def read_variable(name: str) -> str | None:
    """Read a variable of the environment; constructors alone do. An empty one is none."""
    return os.environ.get(name) or None


class Key:
    """A provider's key: given, asked for anew before each call, or of the environment.

    The environment is read when this is made, and never again.

    Args:
        section: The provider's section in the settings, such as `openai`.
        variable: Its usual variable.
        given: The key itself, or what gives the current one.
    """

    def __init__(
        self, section: str, variable: str, given: str | Callable[[], str] | None = None
    ) -> None:
        self._section = section
        self._variable: Final = variable
        self._given = read_variable(variable) if given is None else given

    def __repr__(self) -> str:
        return f"Key({self._variable})"

    @property
    def name(self) -> str:
        """What to set where it is missing or wrong."""
        section = self._section.upper()
        return f"{self._variable} or CODEFLOW_PLUGINS__{section}__API_KEY"

    @property
    def current(self) -> str | None:
        """The key that holds now, or None."""
        return self._given() if callable(self._given) else self._given

    def require(self) -> str:
        """Give the key.

        Raises:
            ConfigurationError: There is none, or it cannot stand in a header.
        """
        key = self.current
        if not key:
            raise ConfigurationError(f"{self._section} has no key: set {self.name}")
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ConfigurationError(
                f"the key of {self._section} holds a blank or a character that no header "
                f"can hold: set {self.name} anew"
            )
        return key
