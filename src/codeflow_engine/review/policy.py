"""A repository's own policy: `.codeflow.toml` at the base revision, by an allow-list.

The file is read where the author of the change cannot write. Whatever could raise
privileges (plugins, endpoints, keys, models, commands) has no key here at all.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cached_property

from codeflow_engine.domain.encoding import from_plain
from codeflow_engine.domain.patterns import PathPatterns
from codeflow_engine.errors import ConfigurationError, SerializationError
from codeflow_engine.reports.visible import is_hidden

__all__ = ["POLICY_PATH", "RepositoryPolicy", "read_policy", "render_rules"]

POLICY_PATH = ".codeflow.toml"
_MAX_BYTES = 64 * 1024
_MAX_PATTERNS = 500
_MAX_PATTERN_LENGTH = 256
_MAX_STARS = 8
"""No pattern that a person writes has more; what a match costs does not depend on it."""
_MAX_RULES = 40
_MAX_RULE_LENGTH = 500
_MAX_RULES_LENGTH = 8_000
"""Characters of all rules: some 2,000 tokens, which go out with every question."""

# One that is not closed goes to the end, so that no character is looked at twice.
_STRING_OR_COMMENT = re.compile(
    r""""{3}(?:\\.|[^\\])*?(?:"{3}|\Z)|"(?:\\.|[^"\\\n])*+"?"""
    r"""|'{3}.*?(?:'{3}|\Z)|'[^'\n]*+'?|#[^\n]*+""",
    re.DOTALL,
)
_DEEP_KEY = re.compile(r"(?<![\w-])(?:[\w-]++[ \t]*+\.[ \t]*+){8}")


@dataclass(frozen=True, kw_only=True)
class RepositoryPolicy:
    """What a repository may decide about its own reviews."""

    exclude: tuple[str, ...] = ()
    """Patterns as in `.gitignore`; units of matching files are excluded, and covered."""

    rules: tuple[str, ...] = ()
    """What the project asks of its reviewers, in its own words; models are told it."""

    def excluded_by(self, path: str) -> str | None:
        """Find the pattern that excludes a path; None where none does."""
        return self._patterns.find(path)

    @cached_property
    def _patterns(self) -> PathPatterns:
        return PathPatterns(self.exclude)


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
        text = content.decode("utf-8")
        # The reader of the standard library takes 27 s for one key of 32,000 parts.
        if _DEEP_KEY.search(_STRING_OR_COMMENT.sub("s", text)):
            raise ConfigurationError(f"{where} has a key of over 8 parts")
        policy = from_plain(RepositoryPolicy, tomllib.loads(text))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{where} is not TOML: {error}") from None
    except SerializationError as error:
        raise ConfigurationError(f"{where}: {error}") from None
    _check_patterns(policy.exclude, where)
    _check_rules(policy.rules, where)
    return policy


def render_rules(policy: RepositoryPolicy) -> str:
    """Write the project's rules as a part of a prompt; an empty text where there are none.

    Each is one line, without the characters that nobody sees: who agreed to the policy has
    read all that a model is told.
    """
    rules = [f"- {rule}" for text in policy.rules if (rule := _plain(text))]
    return "\n".join(["Rules of this project:", *rules]) if rules else ""


def _plain(text: str) -> str:
    visible = "".join(c for c in text if c.isspace() or not is_hidden(c))
    return " ".join(visible.split())


def _check_rules(rules: tuple[str, ...], where: str) -> None:
    if len(rules) > _MAX_RULES:
        raise ConfigurationError(f"{where}: more than {_MAX_RULES} rules")
    for rule in rules:
        if len(rule) > _MAX_RULE_LENGTH:
            raise ConfigurationError(
                f"{where}: a rule has over {_MAX_RULE_LENGTH} characters: {rule[:60]!r}"
            )
        if not _plain(rule):
            raise ConfigurationError(f"{where}: a rule says nothing: {rule[:60]!r}")
    if sum(map(len, rules)) > _MAX_RULES_LENGTH:
        raise ConfigurationError(
            f"{where}: the rules have over {_MAX_RULES_LENGTH} characters together"
        )


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
            PathPatterns([pattern])
        except ValueError as error:
            raise ConfigurationError(f"{where}: {pattern!r} in exclude: {error}") from None
