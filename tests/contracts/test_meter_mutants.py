"""Each test of the suite of meters can fail: there is a meter that it finds out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import broken_meters as meters
import broken_rates as rates
import broken_shared as shared
import pytest
from mutation import struck, unbroken

from codeflow_engine.contracts import Storage
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.testing.contracts import MeterContract


def of(mutant: type[MemoryStorage], *tests: str) -> type:
    return struck(MeterContract, mutant, *tests)


def linked(mutant: Callable[[Path], Storage], *tests: str) -> type:
    def make(directory: Path) -> Storage:
        return mutant(directory)

    make.__name__ = mutant.__name__
    return struck(MeterContract, make, *tests)


TestPartial = of(meters.Partial, "test_a_reservation_is_booked_on_all_of_its_scopes")
TestSorted = of(meters.Sorted, "test_the_first_scope_without_room_refuses_it")
TestLax = of(meters.Lax, "test_a_limit_may_be_reached_and_not_passed")
TestMoneyAlone = of(meters.MoneyAlone, "test_money_and_tokens_have_limits_of_their_own")
TestRepeating = of(
    meters.Repeating,
    "test_a_call_that_is_booked_again_is_booked_once",
    "test_a_call_that_is_booked_many_times_at_once_is_booked_once",
)
TestUndoing = of(meters.Undoing, "test_a_refusal_leaves_the_earlier_booking")
TestSecretive = of(meters.Secretive, "test_what_is_open_is_told_until_it_is_settled")
TestDoubling = of(meters.Doubling, "test_a_scope_that_is_named_twice_is_booked_once")
TestRacing = of(meters.Racing, "test_bookings_at_once_stay_within_a_limit")
TestFloating = of(meters.Floating, "test_sums_are_exact")
TestRoundingDown = of(
    meters.RoundingDown, "test_what_is_smaller_than_the_smallest_amount_is_rounded_up"
)
TestTrusting = of(meters.Trusting, "test_what_is_no_amount_is_refused")
TestNarrow = of(
    meters.Narrow,
    "test_large_amounts_have_room",
    "test_an_amount_is_kept_as_it_is_or_refused",
)
TestGrowing = of(meters.Growing, "test_the_cost_takes_the_place_of_the_booking")
TestCapped = of(meters.Capped, "test_a_cost_may_pass_a_limit")
TestFirstCost = of(meters.FirstCost, "test_what_is_settled_again_counts_once")
TestExpecting = of(meters.Expecting, "test_settling_what_is_unknown_books_nothing")
TestNoting = of(meters.Noting, "test_settling_what_was_refused_books_nothing")
TestForgetful = of(meters.Forgetful, "test_what_is_settled_stays_spent")
TestWordless = of(meters.Wordless, "test_a_top_up_gives_a_scope_more")
TestGenerous = of(meters.Generous, "test_a_top_up_counts_once")
TestOrdering = of(meters.Ordering, "test_balances_come_in_the_order_asked_for")

TestEmpty = of(rates.Empty, "test_a_bucket_is_full_at_first")
TestConstant = of(rates.Constant, "test_the_wait_is_as_long_as_what_is_missing_takes")
TestHasty = of(rates.Hasty, "test_there_is_enough_after_the_wait")
TestHalving = of(rates.Halving, "test_a_bucket_that_rests_is_full_and_no_more")
TestOneByOne = of(rates.OneByOne, "test_all_buckets_or_none")
TestImpossible = of(rates.Impossible, "test_more_than_a_bucket_holds_is_all_that_it_holds")
TestLastNamed = of(rates.LastNamed, "test_a_bucket_that_is_named_twice_gives_both")
TestResetting = of(rates.Resetting, "test_a_bucket_of_another_rate_keeps_its_level")
TestGrudging = of(rates.Grudging, "test_nothing_is_always_there")
TestRacingRates = of(rates.RacingRates, "test_those_who_take_at_once_take_no_more_than_there_is")
TestDeaf = of(rates.Deaf, "test_a_drained_bucket_has_what_was_counted")
TestBelieving = of(rates.Believing, "test_draining_makes_a_bucket_never_fuller")
TestTimeless = of(rates.Timeless, "test_a_drained_bucket_is_full_when_it_was_said")
TestRefilling = of(rates.Refilling, "test_a_drained_bucket_fills_no_faster_than_its_rate")
TestKnownAlone = of(rates.KnownAlone, "test_an_unknown_bucket_is_drained_before_anybody_takes")
TestLenient = of(rates.Lenient, "test_less_than_nothing_is_nothing")

TestEveryones = of(meters.Everyones, "test_s32_a_tenant_spends_nothing_of_another_one")
TestStripping = of(meters.Stripping, "test_s28_any_text_is_a_scope_and_an_id")
TestFolding = of(rates.Folding, "test_s28_any_text_is_a_bucket")
TestRefunding = of(meters.Refunding, "test_old_bookings_are_forgotten_and_stay_spent")
TestUnbounded = of(meters.Unbounded, "test_bookings_are_forgotten_in_batches_the_oldest_first")
TestLingering = of(meters.Lingering, "test_the_scope_of_a_run_goes_with_it")
TestDivided = of(meters.Divided, "test_a_metered_call_that_is_cancelled_is_whole_or_not_there")
TestBlocking = of(meters.Blocking, "test_it_does_not_block_the_event_loop_while_it_meters")

TestAlone = linked(shared.Alone, "test_what_was_metered_outlives_the_meter")
TestBuffering = linked(rates.Buffering, "test_what_was_metered_is_there_at_once")
TestOverspending = linked(rates.Overspending, "test_several_stay_within_one_budget")
TestBucketed = linked(rates.Bucketed, "test_several_take_from_one_bucket")
TestLoopBound = of(rates.LoopBound, "test_several_event_loops_use_one_meter")


class TestQuiet(
    of(MemoryStorage, "test_d15_a_meter_that_cannot_be_reached_is_an_error")  # type: ignore[misc] # made as it is asked for
):
    @pytest.fixture
    def unreachable(self) -> Callable[[], Storage]:
        return MemoryStorage


class TestLinked(MeterContract):
    """The one that the broken ones derive from keeps the contract."""

    @pytest.fixture
    def create(self, tmp_path: Path) -> Callable[[], Storage]:
        return lambda: shared.Linked(tmp_path)


def test_every_test_of_the_suite_can_fail() -> None:
    """Each has a mutant that it finds out."""
    assert unbroken(MeterContract, globals()) == set()
