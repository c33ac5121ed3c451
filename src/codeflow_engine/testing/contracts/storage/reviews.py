"""Tests of reviews."""

from __future__ import annotations

from codeflow_engine.contracts import Storage
from codeflow_engine.domain.coverage import Outcome
from codeflow_engine.testing.values import known, review

__all__ = ["ReviewTests"]


class ReviewTests:
    """Each run has at most one review."""

    async def test_a_review_comes_back_equal(self, backend: Storage) -> None:
        """With its outcome, which is derived again from the ledger that was kept."""
        given = review("r1")

        await backend.put_reviews("a", [given])

        (found,) = await backend.get_reviews("a", ["r1"])
        assert found == given
        assert found.to_json() == given.to_json()
        assert found.outcome is Outcome.PARTIAL

    async def test_reviews_come_in_the_order_of_the_ids_asked_for(self, backend: Storage) -> None:
        """Ids that nobody knows are left out, and one asked for twice comes twice."""
        await backend.put_reviews("a", [review("r1"), review("r2"), review("r3")])

        found = await backend.get_reviews("a", ["r3", "unknown", "r1", "r3"])

        assert [one.run_id for one in found] == ["r3", "r1", "r3"]

    async def test_a_review_is_replaced_by_its_run(self, backend: Storage) -> None:
        """The last value counts, also within one batch."""
        await backend.put_reviews("a", [review("r1", "first"), review("r2", "other")])

        await backend.put_reviews("a", [review("r1", "second"), review("r1", "third")])

        found = await backend.get_reviews("a", ["r1", "r2"])
        assert [one.change.title for one in found] == ["third", "other"]

    async def test_an_empty_batch_of_reviews_is_no_error(self, backend: Storage) -> None:
        """Nothing is written, and nothing is found, though there is something."""
        await backend.put_reviews("a", [review("r1")], [known("f1")])

        await backend.put_reviews("a", [])
        await backend.put_reviews("a", [], [])

        assert await backend.get_reviews("a", []) == ()
        assert await backend.get_reviews("a", ["r1"]) == (review("r1"),)
        assert await backend.find_findings("a") == (known("f1"),)

    async def test_a_review_and_its_findings_are_there_together(self, backend: Storage) -> None:
        """One call writes both, and a review needs no run that is known."""
        await backend.put_reviews("a", [review("r1")], [known("f1")])

        assert await backend.get_reviews("a", ["r1"]) == (review("r1"),)
        assert await backend.find_findings("a") == (known("f1"),)
