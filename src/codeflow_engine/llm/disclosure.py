"""Which providers may see which files."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from codeflow_engine.domain.patterns import PathPatterns
from codeflow_engine.errors import ConfigurationError

__all__ = ["Disclosure"]

_ALL = "*"
_OF = ":"


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

    def require_known(self, names: Collection[str]) -> None:
        """See that each rule is for somebody.

        Args:
            names: Of providers, and ids of models.

        Raises:
            ConfigurationError: One is for nobody, so that it would protect nothing in silence.
        """
        known = {_ALL, *names}
        for name in self._patterns:
            if not {name, name.partition(_OF)[0]} & known:
                listed = ", ".join(sorted(known))
                raise ConfigurationError(
                    f"withheld from {name!r}: there is no such provider or model; known: {listed}"
                )

    def withholds(
        self, model_id: str, paths: Sequence[str], *, provider: str | None = None
    ) -> str | None:
        """Give the first of the paths that a model may not see; None where it may see all.

        Args:
            model_id: The model.
            paths: What it would be shown.
            provider: The interface that it is asked through, as `LLM.provider` names it: a
                provider that a host has derived from another one is held to its rules, too.
        """
        names = dict.fromkeys((model_id, model_id.partition(_OF)[0], provider, _ALL))
        rules = [self._patterns[name] for name in names if name in self._patterns]
        for path in paths:
            if any(rule.find(path) for rule in rules):
                return path
        return None
