"""Who sits at the terminal."""

from __future__ import annotations

import getpass

from codeflow_engine.errors import ConfigurationError

__all__ = ["user_name"]


def user_name(option: str) -> str:
    """Give the name of the user of this process.

    Raises:
        ConfigurationError: There is none; the message names the option to give it by.
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise ConfigurationError(f"this process has no user's name; give {option}") from None
