"""Tests of dismissals."""

from __future__ import annotations

from datetime import timedelta, timezone

from codeflow_engine.contracts import Storage
from codeflow_engine.domain.dismissal import DismissalScope
from codeflow_engine.testing.values import NOON, dismissal

__all__ = ["DismissalTests"]

_REPOSITORY = DismissalScope.REPOSITORY


class DismissalTests:
    """A person's word on a finding stays until it is taken back, or pruned."""

    async def test_a_dismissal_comes_back_equal(self, backend: Storage) -> None:
        """Every field, with and without a place and an end."""
        zone = timezone(timedelta(hours=5, minutes=30))
        given = (
            dismissal("f1", "c1", rule="r/1", path="é.py", title="T", ends=5),
            dismissal("f1", "repo", scope=_REPOSITORY),
            dismissal("f1", created_at=NOON.astimezone(zone)),
        )

        await backend.put_dismissals("a", given)

        assert await backend.find_dismissals("a") == given

    async def test_a_dismissal_is_replaced_by_fingerprint_scope_and_place(
        self, backend: Storage
    ) -> None:
        """The last value counts, also within one batch; an empty place is not the tenant."""
        others = (
            dismissal("f1", ""),
            dismissal("f1", "c1"),
            dismissal("f1", "c1", scope=_REPOSITORY),
        )
        await backend.put_dismissals("a", [dismissal("f1"), *others])
        last = dismissal("f1", reason="the third word")

        await backend.put_dismissals("a", [dismissal("f1", reason="second"), last])

        assert await backend.find_dismissals("a") == (*others, last)

    async def test_dismissals_are_sorted_by_fingerprint_scope_and_place(
        self, backend: Storage
    ) -> None:
        """By code point, whatever the order of writing."""
        given = [
            *(dismissal("f2"), dismissal("f1", "b"), dismissal("f1", "B"), dismissal("f10")),
            *(dismissal("f1", "a", scope=_REPOSITORY), dismissal("f1"), dismissal("F3")),
            *(dismissal("f1", ""), dismissal("f1", "\U00010000"), dismissal("f1", "\uffff")),
        ]
        await backend.put_dismissals("a", given)

        found = await backend.find_dismissals("a")

        places = [(one.fingerprint, one.scope.value, one.where or "") for one in found]
        assert len(places) == len(given)
        assert places == sorted(places)

    async def test_dismissals_are_found_by_fingerprint(self, backend: Storage) -> None:
        """None reads all, and nothing finds nothing; unknown ones are left out."""
        given = [dismissal("F3"), dismissal("f1", "c1"), dismissal("f1"), dismissal("f2")]
        await backend.put_dismissals("a", given)

        some = await backend.find_dismissals("a", ["f2", "nobody", "F3", "f2", "f", "f%"])

        assert some == (dismissal("F3"), dismissal("f2"))
        assert await backend.find_dismissals("a", {"f1"}) == (given[1], given[2])
        assert await backend.find_dismissals("a", []) == ()
        assert await backend.find_dismissals("a", None) == tuple(given)

    async def test_an_expired_dismissal_is_found(self, backend: Storage) -> None:
        """Who asks decides whether it still holds."""
        given = dismissal("f1", ends=-(10**7))
        await backend.put_dismissals("a", [given])

        assert await backend.find_dismissals("a") == (given,)
        assert await backend.find_dismissals("a", ["f1"]) == (given,)

    async def test_dismissals_are_removed_by_fingerprint_scope_and_place(
        self, backend: Storage
    ) -> None:
        """Other fields don't matter; the number of those that were there comes back."""
        given = [dismissal("f1", "c1", scope=_REPOSITORY), dismissal("f1"), dismissal("f2")]
        await backend.put_dismissals("a", [*given, dismissal("f1", "c1")])

        gone = await backend.remove_dismissals(
            "a", [*(dismissal("f1", "c1", reason=one) for one in ("b", "c")), dismissal("f3")]
        )

        assert gone == 1
        assert list(await backend.find_dismissals("a")) == given
        assert await backend.remove_dismissals("a", [dismissal("f1", "c1")]) == 0

    async def test_an_empty_batch_of_dismissals_is_no_error(self, backend: Storage) -> None:
        """Nothing is written or removed, though there is something."""
        await backend.put_dismissals("a", [dismissal("f1")])

        await backend.put_dismissals("a", [])

        assert await backend.remove_dismissals("a", []) == 0
        assert await backend.find_dismissals("a") == (dismissal("f1"),)

    async def test_a_large_batch_of_dismissals_is_written_and_removed_whole(
        self, backend: Storage
    ) -> None:
        """As many as a file of dismissals holds that somebody imports."""
        given = [dismissal(f"f{n:04}", "c1") for n in range(1200)]

        await backend.put_dismissals("a", given)
        found = await backend.find_dismissals("a")
        gone = await backend.remove_dismissals("a", given)

        assert list(found) == given
        assert gone == 1200
        assert await backend.find_dismissals("a") == ()
