"""Values of tools over files: their limits, and the copies that they are given."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.providers.analyzer.tools.source import Source
from codeflow_engine.sandbox import Limits

__all__ = ["Copies", "ToolLimits", "cores"]

_MIB: Final = 1024 * 1024
_MB: Final = 1_000_000


def cores() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolLimits:
    """What a tool may use; the time grows with the size of the files."""

    timeout: float = 30.0
    """Seconds that each process has."""

    timeout_per_mb: float = 60.0
    """Further seconds for each million bytes."""

    memory_bytes: int = 2048 * _MIB
    """Address space of each process."""

    output_bytes: int = 3 * _MIB
    """Longest answer of a process: some thousands of findings. Reading one holds a thread
    for about 15 milliseconds, and the whole interpreter with it."""

    max_file_bytes: int = 2 * _MIB
    """Largest file that is looked at."""

    max_total_bytes: int = 128 * _MIB
    """Size of all files together."""

    processes: int | None = None
    """Processes at once; None is one for each core."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not value > 0:
                raise ConfigurationError(f"ToolLimits.{field.name} must be positive, not {value!r}")

    def of(self, size: int) -> Limits:
        """Give the limits of a process that looks at `size` bytes of files."""
        timeout = self.timeout + self.timeout_per_mb * size / _MB
        return Limits(
            timeout=timeout,
            cpu_seconds=int(timeout) + 1,
            memory_bytes=self.memory_bytes,
            processes=16,
            output_bytes=self.output_bytes,
            error_bytes=self.output_bytes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Private copies of some files, for one process."""

    directory: Path
    sources: Mapping[str, Source]
    """The files by the path of their copy."""

    def __len__(self) -> int:
        return len(self.sources)
