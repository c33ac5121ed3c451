"""Tests of known findings."""

from __future__ import annotations

from typing import Any

from codeflow_engine import Severity
from codeflow_engine.contracts import Storage
from codeflow_engine.domain.finding import FindingState
from codeflow_engine.testing.values import known

__all__ = ["FindingTests"]

_LAST = "\U0010ffff"

_MARKS = [
    *("a", "ab", "abc", "AB", "b", "%b", "_b", "*", "a\x00", "á"),
    *(f"x{_LAST}", f"x{_LAST}y", "\U0001f600", "\ud83d\u0301"),
]
"""Fingerprints that are close to each other, for somebody."""

_PREFIXES = {
    "": sorted(_MARKS),
    "a": ["a", "a\x00", "ab", "abc"],
    "ab": ["ab", "abc"],
    "abc": ["abc"],
    "abcd": [],
    "a\x00": ["a\x00"],
    "A": ["AB"],
    "%": ["%b"],
    "_": ["_b"],
    "a%": [],
    "*": ["*"],
    f"x{_LAST}": [f"x{_LAST}", f"x{_LAST}y"],
    _LAST: [],
    # The first half of the face, where text is kept as UTF-16.
    "\ud83d": ["\ud83d\u0301"],
    "\\": [],
    "'": [],
}


async def _fingerprints(storage: Storage, **asked: Any) -> list[str]:
    return [one.fingerprint for one in await storage.find_findings("a", **asked)]


class FindingTests:
    """What is known of findings is found by change, and by the beginning of a fingerprint."""

    async def test_a_known_finding_comes_back_equal(self, backend: Storage) -> None:
        """Every field has the value that was put in, and the finding is the same."""
        given = known("f1", severity=Severity.HIGH, state=FindingState.OPEN, sources=("ruff",))

        await backend.put_reviews("a", [], [given])

        assert await backend.find_findings("a") == (given,)

    async def test_a_known_finding_is_replaced_by_change_and_fingerprint(
        self, backend: Storage
    ) -> None:
        """The last value counts, also within one batch; the same elsewhere is another."""
        await backend.put_reviews("a", [], [known("f1"), known("f1", "c2")])
        later = known("f1", minutes=1)
        last = known("f1", minutes=2, state=FindingState.RESOLVED)

        await backend.put_reviews("a", [], [later, last])

        assert await backend.find_findings("a") == (last, known("f1", "c2"))

    async def test_known_findings_are_sorted_by_change_and_fingerprint(
        self, backend: Storage
    ) -> None:
        """By code point, whatever the order of writing and the language of a database."""
        places = [
            *(("b", "2"), ("b", "10"), ("B", "z"), ("é", "a"), ("a", "é"), ("a", "Z")),
            *(("a_", "a"), ("a", "\U00010000"), ("a", "\uffff"), ("a", "\ud800")),
        ]
        await backend.put_reviews("a", [], [known(mark, change) for change, mark in places])

        found = await backend.find_findings("a")

        assert [(one.change, one.fingerprint) for one in found] == sorted(places)

    async def test_known_findings_are_found_by_change(self, backend: Storage) -> None:
        """None stands for all changes, and a text for that one alone."""
        given = [known("f1", "c1"), known("f2", "c10"), known("f3", "c1")]
        await backend.put_reviews("a", [], given)

        assert await _fingerprints(backend, change="c1") == ["f1", "f3"]
        assert await _fingerprints(backend, change="c10") == ["f2"]
        assert await _fingerprints(backend, change="c") == []
        assert await _fingerprints(backend, change="") == []
        assert await _fingerprints(backend) == ["f1", "f3", "f2"]

    async def test_s28_a_prefix_is_meant_to_the_letter(self, backend: Storage) -> None:
        """Wildcards of a database and the case of letters mean nothing."""
        await backend.put_reviews("a", [], [known(mark) for mark in _MARKS])

        found = {prefix: await _fingerprints(backend, prefix=prefix) for prefix in _PREFIXES}

        assert found == _PREFIXES

    async def test_a_limit_bounds_known_findings(self, backend: Storage) -> None:
        """It counts those of the change and the prefix, the first of them in order."""
        await backend.put_reviews("a", [], [known(f"f{n}", f"c{n % 2}") for n in range(8)])

        assert await _fingerprints(backend, limit=3) == ["f0", "f2", "f4"]
        assert await _fingerprints(backend, change="c1", limit=2) == ["f1", "f3"]
        assert await _fingerprints(backend, prefix="f7", limit=1) == ["f7"]
        assert await _fingerprints(backend, limit=0) == []
        assert await _fingerprints(backend, limit=-1) == []
        assert len(await _fingerprints(backend, limit=2**70)) == 8

    async def test_thousands_of_findings_are_found_without_a_limit(self, backend: Storage) -> None:
        """A large change has many, and one left out would count as new in its next version."""
        await backend.put_reviews("a", [], [known(f"f{n:04}") for n in range(1100)])

        assert await _fingerprints(backend) == [f"f{n:04}" for n in range(1100)]
