"""Tests of texts that databases take for something else."""

from __future__ import annotations

from codeflow_engine.contracts import Storage
from codeflow_engine.testing.contracts.watching import within
from codeflow_engine.testing.values import dismissal, event, known, review, run

__all__ = ["TextTests"]

_TEXTS = (
    *("", " ", "a", "A", "a ", "a\n", "a\x00", "a\x00b", "\x00", "\x01", "\x01\x01", "\x01\x02"),
    *("\udcff", "\udc00\ud800", "\ue000", "\ue000\ufffd", "\U0001f600", "e\u0301", "\xe9"),
    *("%", "_", "*", "?", "null", "0", "é'\"`\\;--", "{a}:(b)", "\ufeffa", "../a", "r" * 600),
)
"""Each is another one, though some look alike, or are alike to something."""


class TextTests:
    """Any text is an identity, and part of a value."""

    async def test_s28_any_text_is_the_id_of_a_run(self, backend: Storage) -> None:
        """Found by that text, and by no other; its stream and its review too."""
        await backend.put_runs([run(one, error=one, input={one: one}) for one in _TEXTS])
        await backend.append_events("a", [event(one, 1, step=one) for one in _TEXTS])
        await backend.put_reviews("a", [review(one, one) for one in _TEXTS])

        found = await backend.get_runs("a", _TEXTS)
        assert list(found) == [run(one, error=one, input={one: one}) for one in _TEXTS]
        reviews = await backend.get_reviews("a", _TEXTS)
        assert [(one.run_id, one.change.title) for one in reviews] == [(t, t) for t in _TEXTS]
        for one in _TEXTS:
            assert await backend.read_events("a", one) == (event(one, 1, step=one),)

    async def test_s28_any_text_is_a_tenant(self, backend: Storage) -> None:
        """Each has its own run under an id that all of them use."""
        await backend.put_runs([run("r1", one, error=one) for one in _TEXTS])

        for one in _TEXTS:
            assert await backend.find_runs(one) == (run("r1", one, error=one),)

    async def test_s28_any_text_is_a_fingerprint_and_a_place(self, backend: Storage) -> None:
        """Known findings and dismissals are found, and removed, by that text alone."""
        given = {f"f{one}": known(f"f{one}", f"c{one}", path=one) for one in _TEXTS}
        said = {f"f{one}": dismissal(f"f{one}", one, path=one) for one in _TEXTS}
        await backend.put_reviews("a", [], [*given.values()])
        await backend.put_dismissals("a", [*said.values()])

        for one in _TEXTS:
            assert await backend.find_findings("a", change=f"c{one}") == (given[f"f{one}"],)
        asked = [*said][::3]
        found = await backend.find_dismissals("a", asked)
        assert found == tuple(said[mark] for mark in sorted(asked))
        gone = await backend.remove_dismissals("a", [*said.values()][::2])
        left = await backend.find_dismissals("a")
        assert gone == len([*said][::2])
        assert [one.fingerprint for one in left] == sorted([*said][1::2])

    async def test_an_id_is_meant_to_the_letter(self, backend: Storage) -> None:
        """Neither case, nor spaces, nor wildcards, nor other ways to write it find a run."""
        await backend.put_runs([run("Réview-1")])
        asked = ["réview-1", "RÉVIEW-1", "Réview-1 ", "Re\u0301view-1", "R%", "Réview__", ""]

        assert await backend.get_runs("a", asked) == ()

    async def test_s28_a_hundred_thousand_ids_are_asked_for_at_once(self, backend: Storage) -> None:
        """More than any database takes as parameters of one statement."""
        await backend.put_runs([run("r7"), run("r99999")])
        await backend.put_dismissals("a", [dismissal("r5")])
        asked = [f"r{n}" for n in range(100_000)]

        found = await within(backend.get_runs("a", asked))
        assert [one.run_id for one in found] == ["r7", "r99999"]
        assert await within(backend.find_dismissals("a", asked[:40_000])) == (dismissal("r5"),)

    async def test_a_body_of_megabytes_comes_back(self, backend: Storage) -> None:
        """A large input is no special case."""
        text = "é\U0001f600x" * 400_000

        await within(backend.put_runs([run("r1", input={"text": text})]))

        (found,) = await within(backend.get_runs("a", ["r1"]))
        # Not compared by the assert itself: it would print both.
        is_whole = found.input["text"] == text
        assert is_whole
