"""Which providers may see which files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from posixpath import normpath

from codeflow_engine.domain.patterns import PathPatterns
from codeflow_engine.errors import ConfigurationError

__all__ = ["Disclosure"]

_ALL = "*"


class Disclosure:
    """The host's rules about files that a provider never sees.

    Args:
        withheld: Patterns as in `.gitignore`, by the id of a model (`openai:gpt-5.1`), the
            name of its provider (`openai`), or `*` for all. A provider's name is the one that
            ids begin with, and the one of its interface: a class of the host's own that is
            derived from OpenAI's is named `openai`, too.
        providers: Names that there are.

    Raises:
        ConfigurationError: A pattern can never match, or there is no such provider, so that
            a rule would protect nothing in silence.
    """

    def __init__(self, withheld: Mapping[str, Sequence[str]], providers: Iterable[str]) -> None:
        known = sorted({_ALL, *providers})
        self._patterns: dict[str, PathPatterns] = {}
        for name, patterns in withheld.items():
            if name.partition(":")[0] not in known:
                raise ConfigurationError(
                    f"withheld from {name!r}: there is no such provider; known: {', '.join(known)}"
                )
            try:
                self._patterns[name] = PathPatterns(patterns)
            except ValueError as error:
                raise ConfigurationError(f"withheld from {name!r}: {error}") from None

    def idle(self, model_ids: Collection[str]) -> tuple[str, ...]:
        """Give the ids of models that have rules and are none of these, sorted."""
        return tuple(
            sorted(name for name in self._patterns if ":" in name and name not in model_ids)
        )

    def withholds(self, model_id: str, interface: str, paths: Sequence[str]) -> str | None:
        """Give the first of the paths that a model may not see; None where it may see all.

        Args:
            model_id: Such as `openai:gpt-5.1`.
            interface: What its provider calls itself.
            paths: Of the change. One that goes up and down again counts as what it means, too.
        """
        names = dict.fromkeys((model_id, model_id.partition(":")[0], interface, _ALL))
        rules = [self._patterns[name] for name in names if name in self._patterns]
        for path in paths:
            meant = normpath(path).lstrip("/")
            if any(rule.find(one) for rule in rules for one in {path, meant}):
                return path
        return None
