"""What a cache may do to an analyzer: make it faster, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from codeflow_engine.contracts import Analyzer, Cache
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.storage.memory import MemoryCache
from codeflow_engine.testing.contracts.analyzer.asking import ask, substance
from codeflow_engine.testing.contracts.backend import pass_over
from codeflow_engine.testing.examples import Example, ExampleFile

__all__ = ["CacheTests"]

_GARBAGE = (b"", b"null", b"[]", b"{}", b"0", b"\x80\x04N.", b"\xff" * 100)


class CacheTests:
    """Tests of what an analyzer keeps, and of what it takes back."""

    async def test_a_second_look_gives_the_same_report(
        self, backend: Analyzer, sandbox: Sandbox, small: Example
    ) -> None:
        """What was kept is what was found, also by another instance."""
        cache = MemoryCache()
        first = await ask(backend, small.analysis(cache=cache), sandbox)

        second = await ask(backend, small.analysis(cache=cache), sandbox)

        assert substance(second) == substance(first)

    async def test_a_cache_that_holds_other_bytes_changes_nothing(
        self, backend: Analyzer, sandbox: Sandbox, small: Example
    ) -> None:
        """Bytes that are cut off, made up, or were put under another key are not believed."""
        cache = _Odd()
        first = await ask(backend, small.analysis(cache=cache), sandbox)

        for spoil in (_made_up, _cut_off, _mixed_up):
            cache.spoil = spoil
            report = await ask(backend, small.analysis(cache=cache), sandbox)
            assert substance(report) == substance(first), spoil.__doc__

    async def test_what_was_kept_of_one_content_is_not_said_of_another(
        self, backend: Analyzer, sandbox: Sandbox, small: Example
    ) -> None:
        """A file of the same path with another content is looked at anew."""
        other = _emptied(small)
        expected = await ask(backend, other.analysis(), sandbox)
        cache = MemoryCache()
        await ask(backend, small.analysis(cache=cache), sandbox)

        report = await ask(backend, other.analysis(cache=cache), sandbox)

        assert substance(report) == substance(expected)

    async def test_what_was_kept_under_other_settings_is_not_said(
        self,
        backend: Analyzer,
        create_other: Callable[[], Analyzer] | None,
        sandbox: Sandbox,
        small: Example,
        request: pytest.FixtureRequest,
    ) -> None:
        """Analyzers with different settings share a cache, and none takes the other's word."""
        if create_other is None:
            pass_over(
                request.node,
                "the fixture `create_other` is not defined, which makes the analyzer with "
                "settings that change its report, where it has such",
            )
        cache = MemoryCache()
        first = await ask(backend, small.analysis(cache=cache), sandbox)
        expected = await ask(create_other(), small.analysis(), sandbox)
        assert substance(first) != substance(expected), "the other settings change nothing"

        report = await ask(create_other(), small.analysis(cache=cache), sandbox)

        assert substance(report) == substance(expected)


type _Spoil = Callable[[Mapping[str, bytes]], Mapping[str, bytes]]


class _Odd(Cache):
    """Keeps small, and gives something else back."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}
        self.spoil: _Spoil = dict

    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        spoiled = self.spoil(self._kept)
        return {key: spoiled[key] for key in keys if key in spoiled}

    async def put(self, items: Mapping[str, bytes], *, ttl: float) -> None:
        for key, value in items.items():
            self._kept.setdefault(key, value)

    async def discard(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._kept.pop(key, None)


def _made_up(kept: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Bytes that nobody has put there."""
    return {key: _GARBAGE[at % len(_GARBAGE)] for at, key in enumerate(kept)}


def _cut_off(kept: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The first half of each value."""
    return {key: value[: len(value) // 2] for key, value in kept.items()}


def _mixed_up(kept: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The value of another key."""
    values = list(kept.values())
    return dict(zip(kept, [*values[1:], *values[:1]], strict=True))


def _emptied(example: Example) -> Example:
    """Make a change of the same paths in which nothing is to be found."""
    plain = ExampleFile.of("plain = 1\n")
    head = {
        path: file if file == example.base.get(path) else plain
        for path, file in example.head.items()
    }
    return Example(name="emptied", base=example.base, head=head)
