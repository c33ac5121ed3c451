"""Each test of the suite of journals can fail: there is a journal that it finds out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import broken_claims as claims
import broken_limits as limits
import broken_shared as shared
import broken_stops as stops
import broken_writes as writes
import pytest
from mutation import struck, unbroken

from codeflow_engine.contracts import Storage
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.testing.contracts import JournalContract


def of(mutant: type[MemoryStorage], *tests: str) -> type:
    return struck(JournalContract, mutant, *tests)


def in_directory(mutant: Callable[[Path], Storage], *tests: str) -> type:
    def make(directory: Path) -> Storage:
        return mutant(directory)

    make.__name__ = mutant.__name__
    return struck(JournalContract, make, *tests)


TestShortening = of(claims.Shortening, "test_a_run_is_stored_as_it_was_submitted")
TestOverwriting = of(claims.Overwriting, "test_a_run_that_is_there_stays_as_it_is")
TestKeyless = of(
    claims.Keyless,
    "test_a_key_has_one_run",
    "test_two_of_one_call_that_share_a_key_are_one_run",
    "test_d8_a_run_submitted_many_times_at_once_is_one",
)
TestGlobalKeys = of(claims.GlobalKeys, "test_a_key_is_one_of_its_tenant")
TestCareless = of(claims.Careless, "test_no_run_is_submitted_within_what_is_no_transaction")
TestNewFirst = of(claims.NewFirst, "test_runs_come_in_the_order_in_which_they_were_submitted")
TestOneByOne = of(
    claims.OneByOne,
    "test_submitting_is_whole_or_not_at_all",
    "test_writing_is_whole_or_not_at_all",
)
TestApart = of(claims.Apart, "test_runs_are_found_by_what_they_stand_at")

TestStrict = of(claims.Strict, "test_a_run_is_due_from_its_moment_on")
TestByMoment = of(claims.ByMoment, "test_the_highest_priority_comes_first_then_the_oldest")
TestUnlimited = of(claims.Unlimited, "test_a_limit_bounds_the_runs_that_are_found_due")
TestAsAsked = of(claims.AsAsked, "test_due_runs_are_chosen_from_those_asked_for")
TestPending = of(claims.Pending, "test_a_waiting_run_is_due_at_its_moment")
TestAbandoning = of(
    claims.Abandoning,
    "test_a_running_one_is_due_when_its_worker_has_no_lease",
    "test_d35_what_a_retired_worker_holds_is_due_at_once",
)
TestUndead = of(claims.Undead, "test_a_run_that_has_ended_is_not_due")
TestEveryones = of(
    claims.Everyones,
    "test_s32_a_tenant_finds_no_work_of_another_one",
    "test_s32_a_tenant_claims_no_run_of_another_one",
)

TestHeedless = of(
    limits.Heedless,
    "test_d44_so_many_runs_of_a_workflow_execute_at_once",
    "test_d44_so_many_runs_of_a_partition_execute_at_once",
    "test_so_many_runs_begin_within_a_time",
    "test_d44_workers_that_claim_at_once_stay_within_a_limit",
)
TestBehind = of(
    limits.Behind,
    "test_d44_what_is_held_back_hides_nothing",
    "test_no_more_is_found_than_may_be_claimed",
)
TestLeakingSlots = of(limits.Leaking, "test_d45_a_worker_that_is_gone_takes_no_place")
TestAllTenants = of(limits.AllTenants, "test_a_limit_is_one_of_its_workflow_and_its_tenant")
TestNoneIsOne = of(limits.NoneIsOne, "test_d44_so_many_runs_of_a_partition_execute_at_once")
TestEachIsAStart = of(limits.EachIsAStart, "test_so_many_runs_begin_within_a_time")
TestNoneIsZero = of(limits.NoneIsZero, "test_nothing_of_a_workflow_begins_where_none_may")
TestOneTooMany = of(limits.OneTooMany, "test_a_worker_takes_up_again_what_it_holds")

TestUnsorted = of(claims.Unsorted, "test_a_claim_has_all_that_an_execution_needs")
TestRacing = of(claims.Racing, "test_d10_claims_at_once_take_each_run_once")
TestEager = of(claims.Eager, "test_only_what_is_due_is_claimed")
TestFenceless = of(
    claims.Fenceless,
    "test_each_claim_has_a_greater_fence",
    "test_d12_a_write_under_an_old_fence_changes_nothing",
)
TestRestarting = of(claims.Restarting, "test_a_run_has_begun_once")
TestExpecting = of(claims.Expecting, "test_a_run_that_executes_waits_for_nothing")
TestTimeless = of(claims.Timeless, "test_d32_the_time_left_turns_into_a_deadline")
TestProlonging = of(claims.Prolonging, "test_d32_a_deadline_survives_the_worker")
TestMiscounting = of(claims.Miscounting, "test_d37_a_run_whose_worker_was_gone_counts_a_recovery")
TestForgiving = of(claims.Forgiving, "test_d37_a_step_that_is_done_clears_the_recoveries")
TestExclusive = of(
    claims.Exclusive,
    "test_a_worker_may_claim_again_what_it_holds",
    "test_a_claim_that_is_cancelled_is_made_again",
)
TestTrusting = of(claims.Trusting, "test_a_worker_without_a_lease_claims_nothing")
TestExtending = of(claims.Extending, "test_a_lease_lasts_as_long_as_it_is_renewed")
TestOneForAll = of(claims.OneForAll, "test_a_lease_is_one_of_its_worker")
TestPatient = of(claims.Patient, "test_d35_what_a_retired_worker_holds_is_due_at_once")
TestPunctual = of(claims.Punctual, "test_a_worker_that_was_late_goes_on")
TestWallClock = of(claims.WallClock, "test_d30_no_wall_clock_moves_a_lease")

TestLeaking = of(writes.Leaking, "test_d12_a_write_under_an_old_fence_changes_nothing")
TestAllOrNothing = of(writes.AllOrNothing, "test_a_refused_write_takes_no_other_one_with_it")
TestLasting = of(writes.Lasting, "test_a_claim_that_was_given_up_holds_no_longer")
TestPolite = of(writes.Polite, "test_nothing_is_written_for_a_run_that_is_not_held")
TestLastCounts = of(writes.LastCounts, "test_one_call_may_write_a_run_several_times")
TestUnknowing = of(
    writes.Unknowing,
    "test_d16_a_write_that_is_repeated_is_written_once",
    "test_d16_a_wait_that_is_repeated_is_written_once",
)
TestPaged = of(writes.Paged, "test_a_large_call_is_written_whole")
TestTouching = of(
    writes.Touching,
    "test_nothing_to_write_is_no_error",
    "test_without_a_state_a_run_stands_where_it_stood",
)
TestRewriting = of(writes.Rewriting, "test_writers_at_once_lose_nothing")
TestEmptying = of(writes.Emptying, "test_a_step_comes_back_equal")
TestByName = of(writes.ByName, "test_a_step_is_known_by_name_and_key")
TestTruncating = of(writes.Truncating, "test_d40_a_huge_value_is_kept_or_refused")
TestStripping = of(writes.Stripping, "test_s28_any_text_is_a_run_and_a_step")
TestGenerous = of(writes.Generous, "test_values_are_read_where_they_are_asked_for")
TestLexical = of(writes.Lexical, "test_steps_are_sorted_by_position")
TestReplacing = of(
    writes.Replacing,
    "test_a_final_step_stays_as_it_was_written",
    "test_events_are_written_with_steps",
)
TestFirstStays = of(
    writes.FirstStays,
    "test_a_step_that_waits_is_replaced",
    "test_a_step_is_replaced_within_one_call",
)
TestHoarding = of(writes.Hoarding, "test_success_drops_what_only_an_execution_needs")
TestDropping = of(writes.Dropping, "test_any_other_end_keeps_what_an_execution_needs")
TestMerging = of(writes.Merging, "test_a_state_replaces_what_it_names")
TestTicking = of(
    writes.Ticking,
    "test_a_run_that_has_ended_waits_for_nothing",
    "test_a_run_that_waits_has_no_deadline",
)
TestGivingUp = of(writes.GivingUp, "test_a_run_that_goes_on_keeps_its_claim_and_its_deadline")
TestSleeping = of(
    writes.Sleeping,
    "test_a_run_that_suspends_finds_what_came_before",
    "test_a_signal_and_a_wait_at_once_lose_nothing",
    "test_a_run_that_suspends_while_it_is_cancelled_is_due",
)
TestFalsy = of(writes.Falsy, "test_results_are_read_by_run")
TestById = of(writes.ById, "test_signals_come_in_the_order_in_which_they_were_sent")
TestLastSent = of(writes.LastSent, "test_a_signal_that_is_sent_again_changes_nothing")
TestAmnesic = of(writes.Amnesic, "test_a_signal_that_was_received_does_not_come_again")
TestMailbox = of(writes.Mailbox, "test_a_signal_to_nobody_is_dropped")
TestAnyName = of(writes.AnyName, "test_a_run_that_waits_is_woken_by_the_name_it_waits_for")
TestByClock = of(writes.ByClock, "test_a_run_that_waits_is_woken_by_the_name_it_waits_for")
TestFolded = of(writes.Folded, "test_s28_any_text_is_a_signal")
TestDeaf = of(writes.Deaf, "test_a_run_wakes_another_one")
TestOneBox = of(writes.OneBox, "test_signals_are_those_of_one_run_and_its_tenant")
TestCountingAll = of(writes.CountingAll, "test_notices_tell_what_was_said_of_runs")

TestFlagging = of(stops.Flagging, "test_d34_a_run_that_nobody_executes_is_cancelled_at_once")
TestKilling = of(
    stops.Killing,
    "test_d34_a_run_that_executes_is_told",
    "test_a_run_that_is_cancelled_and_claimed_at_once_is_one_of_both",
)
TestOverruling = of(stops.Overruling, "test_a_run_that_has_ended_stays_as_it_is")
TestChildless = of(stops.Childless, "test_d34_all_that_a_run_has_started_is_cancelled")
TestSilent = of(stops.Silent, "test_the_parent_of_a_cancelled_run_is_told")
TestEveryonesStops = of(
    stops.Everyones,
    "test_s32_a_tenant_cancels_no_run_of_another_one",
    "test_s32_a_tenant_resumes_no_run_of_another_one",
)
TestReproachful = of(stops.Reproachful, "test_a_run_that_has_ended_without_success_goes_on")
TestInsistent = of(stops.Insistent, "test_any_other_run_is_not_resumed")
TestUnrepentant = of(stops.Unrepentant, "test_the_step_that_ended_a_run_is_done_again")
TestWiping = of(stops.Wiping, "test_a_run_that_no_step_has_ended_keeps_its_steps")
TestResentful = of(stops.Resentful, "test_what_a_resumed_run_was_told_of_its_children_is_past")
TestHurrying = of(stops.Hurrying, "test_a_resumed_run_has_the_time_that_it_is_given")

TestAsPlanned = of(stops.AsPlanned, "test_planned_effects_are_found_until_they_are_settled")
TestLastPlanner = of(stops.LastPlanner, "test_planned_effects_are_found_by_run")
TestSliced = of(stops.Sliced, "test_a_limit_bounds_the_planned_effects")
TestByKey = of(stops.ByKey, "test_d5_a_receipt_is_read_by_the_key_of_its_effect")
TestLastReceipt = of(stops.LastReceipt, "test_the_first_receipt_of_an_effect_stays")
TestReceiptsFirst = of(stops.ReceiptsFirst, "test_an_effect_is_planned_and_settled_at_once")
TestOneOutside = of(stops.OneOutside, "test_s32_an_effect_is_one_of_its_tenant")
TestUnpaid = of(stops.Unpaid, "test_d4_an_answer_comes_back_equal")
TestLastAnswer = of(
    stops.LastAnswer,
    "test_d3_the_first_answer_under_a_key_stays",
    "test_answers_that_are_put_at_once_become_one",
)
TestRefreshing = of(stops.Refreshing, "test_answers_go_by_when_they_were_put")
TestZoneless = of(stops.Zoneless, "test_an_answer_without_a_moment_is_refused")
TestTrimming = of(stops.Trimming, "test_s28_any_text_is_a_worker_and_a_tenant")
TestNormalizing = of(
    stops.Normalizing,
    "test_s28_any_text_is_the_key_of_an_effect_and_of_an_answer",
)
TestOrphaning = of(stops.Orphaning, "test_an_old_run_goes_with_its_journal")
TestSweeping = of(stops.Sweeping, "test_d46_a_run_that_goes_on_keeps_its_journal")
TestDivided = of(stops.Divided, "test_a_call_that_is_cancelled_is_whole_or_not_there")
TestBlocking = of(stops.Blocking, "test_it_does_not_block_the_event_loop_while_it_writes")

TestLoopBound = of(shared.LoopBound, "test_several_event_loops_use_one_journal")
TestAlone = in_directory(shared.Alone, "test_what_a_journal_has_acknowledged_outlives_it")
TestBuffering = in_directory(
    shared.Buffering, "test_what_a_journal_has_acknowledged_is_there_at_once"
)
TestUnleased = in_directory(shared.Unleased, "test_d12_several_see_each_others_leases_and_fences")
TestOverlapping = in_directory(shared.Overlapping, "test_d10_claims_of_several_take_each_run_once")
TestUnkeyed = in_directory(shared.Unkeyed, "test_d8_a_run_that_several_submit_at_once_is_one")


class TestQuiet(
    of(MemoryStorage, "test_d15_a_journal_that_cannot_be_reached_is_an_error")  # type: ignore[misc] # made as it is asked for
):
    @pytest.fixture
    def unreachable(self) -> Callable[[], Storage]:
        return MemoryStorage


class TestLinked(JournalContract):
    """The one that the broken ones derive from keeps the contract."""

    @pytest.fixture
    def create(self, tmp_path: Path) -> Callable[[], Storage]:
        return lambda: shared.Linked(tmp_path)


def test_every_test_of_the_suite_can_fail() -> None:
    """Each has a mutant that it finds out."""
    assert unbroken(JournalContract, globals()) == set()
