"""What a host can set about the scan for hygiene."""

from __future__ import annotations

from dataclasses import dataclass, fields

from codeflow_engine.errors import ConfigurationError

__all__ = ["HygieneSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HygieneSettings:
    """Settings of the scan for hygiene; each switch is a room of checks."""

    conflicts: bool = True
    """Conflict markers."""

    characters: bool = True
    """Bidirectional controls, invisible characters, terminal controls, lookalikes."""

    leftovers: bool = True
    """Breakpoints, debug output, focused tests."""

    lockfiles: bool = True
    """Lock files without their manifest, and the reverse."""

    files: bool = True
    """Names, links, modes, sizes and binaries."""

    max_added_lines: int = 10_000
    """Lines that a change may add to one file."""

    max_added_bytes: int = 1_000_000
    """Bytes that a change may add to one text file."""

    max_binary_bytes: int = 1_000_000
    """Size of a binary file, where the diff tells it."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, bool) and not value > 0:
                raise ConfigurationError(
                    f"HygieneSettings.{field.name} must be positive, not {value!r}"
                )
