"""What the exit status of the command line means."""

from __future__ import annotations

from enum import IntEnum

from codeflow_engine.errors import (
    CassetteError,
    ChangeUnavailableError,
    CodeflowError,
    ConfigurationError,
    DiffError,
    PluginError,
)

__all__ = ["Exit", "exit_of"]


class Exit(IntEnum):
    """The exit statuses of every command."""

    OK = 0
    """Complete and below the gate."""

    FINDINGS = 1
    """Complete, with findings at or above the gate."""

    USAGE = 2
    """Wrong usage or configuration; nothing was reviewed."""

    INCOMPLETE = 3
    """A review that is not complete, or something that does not work as it should."""

    INTERRUPTED = 130
    """Ended by Ctrl-C, as a shell would report it."""


_USAGE = (CassetteError, ConfigurationError, ChangeUnavailableError, DiffError, PluginError)


def exit_of(error: CodeflowError) -> Exit:
    """Tell what the caller can mend by asking otherwise from what went wrong here."""
    return Exit.USAGE if isinstance(error, _USAGE) else Exit.INCOMPLETE
