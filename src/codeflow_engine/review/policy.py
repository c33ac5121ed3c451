"""A repository's own policy: `.codeflow.toml` at the base revision, by an allow-list.

The file is read where the author of the change cannot write. Whatever could raise
privileges (plugins, endpoints, keys, models, commands) has no key here at all.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from codeflow_engine.domain.encoding import from_plain
from codeflow_engine.errors import ConfigurationError, SerializationError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

__all__ = ["POLICY_PATH", "RepositoryPolicy", "read_policy"]

POLICY_PATH = ".codeflow.toml"
_MAX_BYTES = 64 * 1024
_MAX_PATTERNS = 500
_MAX_PATTERN_LENGTH = 256
_MAX_STARS = 4
"""A pattern becomes a regular expression whose cost grows with the power of its stars."""


@dataclass(frozen=True, kw_only=True)
class RepositoryPolicy:
    """What a repository may decide about its own reviews."""

    exclude: tuple[str, ...] = ()
    """Patterns as in `.gitignore`; units of matching files are excluded, and covered."""

    def excluded_by(self, path: str) -> str | None:
        """Find the pattern that excludes a path; the last one that matches decides."""
        if not self.exclude:
            return None
        result = self._spec.check_file(path)
        return self.exclude[result.index] if result.include and result.index is not None else None

    @cached_property
    def _spec(self) -> GitIgnoreSpec:
        # 30 ms to import, and most repositories have no policy.
        from pathspec import GitIgnoreSpec

        return GitIgnoreSpec.from_lines(self.exclude)


def read_policy(content: bytes, revision: str) -> RepositoryPolicy:
    """Read the policy file of a revision.

    Raises:
        ConfigurationError: Not TOML, an unknown key, or too large. A policy that cannot be
            read stops the review: guessing at it could hide files.
    """
    where = f"{POLICY_PATH} at {revision[:12]}"
    if len(content) > _MAX_BYTES:
        raise ConfigurationError(f"{where} is larger than {_MAX_BYTES} bytes")
    try:
        policy = from_plain(RepositoryPolicy, tomllib.loads(content.decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{where} is not TOML: {error}") from None
    except SerializationError as error:
        raise ConfigurationError(f"{where}: {error}") from None
    _check_patterns(policy.exclude, where)
    return policy


def _check_patterns(patterns: tuple[str, ...], where: str) -> None:
    if len(patterns) > _MAX_PATTERNS:
        raise ConfigurationError(f"{where}: more than {_MAX_PATTERNS} patterns in exclude")
    for pattern in patterns:
        if len(pattern) > _MAX_PATTERN_LENGTH or pattern.count("*") > _MAX_STARS:
            raise ConfigurationError(
                f"{where}: a pattern in exclude has over {_MAX_PATTERN_LENGTH} characters "
                f"or {_MAX_STARS} stars: {pattern[:60]!r}"
            )
    try:
        RepositoryPolicy(exclude=patterns).excluded_by("probe")
    except ValueError as error:
        raise ConfigurationError(f"{where}: exclude: {error}") from None
