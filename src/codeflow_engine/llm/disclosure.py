"""Which providers may see which files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from codeflow_engine.domain.patterns import PathPatterns
from codeflow_engine.errors import ConfigurationError

__all__ = ["Disclosure"]

_ALL = "*"


class Disclosure:
    """The host's rules about files that a provider never sees.

    Args:
        withheld: Patterns as in `.gitignore`, by the id of a model (`openai:gpt-5.1`), the
            name of its provider (`openai`), or `*` for all.

    Raises:
        ConfigurationError: A pattern can never match.
    """

    def __init__(self, withheld: Mapping[str, Sequence[str]]) -> None:
        self._patterns: dict[str, PathPatterns] = {}
        for name, patterns in withheld.items():
            try:
                self._patterns[name] = PathPatterns(patterns)
            except ValueError as error:
                raise ConfigurationError(f"withheld from {name!r}: {error}") from None

    @property
    def names(self) -> tuple[str, ...]:
        """For whom there are rules, sorted."""
        return tuple(sorted(self._patterns))

    def withholds(self, model_id: str, paths: Sequence[str]) -> str | None:
        """Give the first of the paths that a model may not see; None where it may see all."""
        provider = model_id.partition(":")[0]
        rules = [
            self._patterns[name] for name in (model_id, provider, _ALL) if name in self._patterns
        ]
        for path in paths:
            if any(rule.find(path) for rule in rules):
                return path
        return None
