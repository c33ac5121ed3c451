"""The values that describe a run of a program: its limits, its end, its isolation."""

from __future__ import annotations

import signal
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final

from codeflow_engine.errors import ConfigurationError

__all__ = ["Completed", "Isolation", "Limits"]

_MIB: Final = 1024 * 1024


class Isolation(StrEnum):
    """How far a program is kept from the host; best first."""

    BWRAP = "bwrap"
    """Namespaces made by bubblewrap."""

    UNSHARE = "unshare"
    """Namespaces made by this package, by the kernel alone."""

    NONE = "none"
    """No namespaces: same user, same files, same processes as the engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a program may use; `None` sets no limit of that kind."""

    timeout: float = 60.0
    """Seconds on the wall from start to end."""

    cpu_seconds: int | None = 60
    """CPU seconds of each process."""

    memory_bytes: int | None = 2048 * _MIB
    """Address space of each process."""

    file_bytes: int | None = 64 * _MIB
    """Largest file; in namespaces also the private directory's whole content."""

    processes: int | None = 64
    """Processes and threads at once; holds in namespaces, and not for a root host."""

    open_files: int | None = 256
    """File descriptors of each process."""

    output_bytes: int | None = 16 * _MIB
    """Bytes on standard output; one more ends the program with `SandboxLimitError`."""

    error_bytes: int | None = _MIB
    """Bytes on standard error; one more ends the program with `SandboxLimitError`."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not value > 0:
                message = f"Limits.{field.name} must be positive, not {value!r}"
                raise ConfigurationError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A program that ended by itself, whether well or not."""

    returncode: int
    """Exit status; a negative number is the signal that ended the program."""

    stdout: bytes
    """Everything it wrote to standard output; never cut."""

    stderr: bytes
    """Everything it wrote to standard error; never cut."""

    duration: float
    """Seconds from start to end."""

    @property
    def signal(self) -> str | None:
        """Name of the signal that ended the program, such as `SIGSEGV`."""
        if self.returncode >= 0:
            return None
        try:
            return signal.Signals(-self.returncode).name
        except ValueError:  # a real-time signal has no name
            return f"signal {-self.returncode}"
