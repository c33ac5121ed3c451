"""Each test of the suite of storages can fail: there is a storage that it finds out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import broken_ends as ends
import broken_instances as instances
import broken_records as records
import mutation
import pytest
from mutation import struck, unbroken

from codeflow_engine.contracts import Storage
from codeflow_engine.storage.sql import SQLStorage
from codeflow_engine.testing.contracts import JournalContract, MeterContract, StorageContract


def of(mutant: type[Storage], *tests: str) -> type:
    return struck(StorageContract, mutant, *tests)


def in_file(mutant: Callable[[str], SQLStorage], *tests: str) -> type:
    def make(directory: Path) -> Storage:
        return mutant(instances.url(directory))

    make.__name__ = mutant.__name__
    return struck(StorageContract, make, *tests)


TestUntyped = of(records.Untyped, "test_a_run_comes_back_equal")
TestMillisecond = of(records.Millisecond, "test_moments_come_back_to_the_microsecond")
TestUnordered = of(
    records.Unordered,
    "test_runs_come_in_the_order_of_the_ids_asked_for",
    "test_reviews_come_in_the_order_of_the_ids_asked_for",
)
TestUnconditional = of(
    records.Unconditional,
    "test_an_empty_batch_of_runs_is_no_error",
    "test_an_empty_batch_of_reviews_is_no_error",
    "test_known_findings_are_found_by_change",
    "test_dismissals_are_found_by_fingerprint",
    "test_an_empty_batch_of_dismissals_is_no_error",
)
TestInserting = of(
    records.Inserting, "test_a_run_is_replaced_by_its_id", "test_a_review_is_replaced_by_its_run"
)
TestReplacing = of(records.Replacing, "test_a_repeated_number_changes_nothing")
TestPaged = of(
    records.Paged,
    "test_a_large_batch_of_runs_is_written_whole",
    "test_a_batch_larger_than_a_statement_is_written_whole",
    "test_a_large_batch_of_dismissals_is_written_and_removed_whole",
    "test_s28_a_hundred_thousand_ids_are_asked_for_at_once",
)
TestByUpdate = of(records.ByUpdate, "test_the_newest_runs_come_first")
TestCollated = of(
    records.Collated,
    "test_runs_of_one_moment_come_the_greatest_id_first",
    "test_known_findings_are_sorted_by_change_and_fingerprint",
    "test_dismissals_are_sorted_by_fingerprint_scope_and_place",
)
TestSliced = of(
    records.Sliced,
    "test_a_limit_bounds_the_runs_found",
    "test_a_limit_bounds_the_events_read",
    "test_a_limit_bounds_known_findings",
)
TestLimitless = of(
    records.Limitless,
    "test_a_hundred_runs_are_found_without_a_limit",
    "test_a_limit_bounds_the_runs_found",
    "test_a_thousand_events_are_read_without_a_limit",
    "test_a_limit_bounds_the_events_read",
    "test_thousands_of_findings_are_found_without_a_limit",
    "test_a_thousand_records_of_a_kind_go_at_once",
    "test_a_storage_without_old_records_has_nothing_to_prune",
)
TestFilteringLate = of(records.FilteringLate, "test_runs_are_found_by_status")
TestKindless = of(records.Kindless, "test_events_of_every_kind_come_back_equal")
TestGrouped = of(records.Grouped, "test_events_of_several_kinds_stay_in_order")
TestInclusive = of(records.Inclusive, "test_events_are_read_above_a_number")
TestLexical = of(
    records.Lexical,
    "test_events_are_in_order_however_they_arrive",
    "test_events_of_several_kinds_stay_in_order",
)
TestNarrow = of(records.Narrow, "test_positions_of_any_size_are_meant_as_said")
TestOneStream = of(records.OneStream, "test_each_run_has_a_stream_of_its_own")
TestReferential = of(
    records.Referential,
    "test_an_event_needs_no_run",
    "test_a_review_and_its_findings_are_there_together",
)
TestShortening = of(
    records.Shortening,
    "test_a_review_comes_back_equal",
    "test_a_known_finding_comes_back_equal",
    "test_a_dismissal_comes_back_equal",
)
TestByFingerprint = of(
    records.ByFingerprint,
    "test_a_known_finding_is_replaced_by_change_and_fingerprint",
    "test_a_dismissal_is_replaced_by_fingerprint_scope_and_place",
)
TestMatching = of(
    records.Matching,
    "test_s28_a_prefix_is_meant_to_the_letter",
    "test_an_id_is_meant_to_the_letter",
)
TestJudging = of(records.Judging, "test_an_expired_dismissal_is_found")
TestExact = of(records.Exact, "test_dismissals_are_removed_by_fingerprint_scope_and_place")
TestStripping = of(
    records.Stripping,
    "test_s28_any_text_is_the_id_of_a_run",
    "test_s28_any_text_is_a_fingerprint_and_a_place",
)
TestTruncating = of(records.Truncating, "test_a_body_of_megabytes_comes_back")

TestOrphaning = of(
    ends.Orphaning,
    "test_an_old_run_goes_with_its_events_and_its_review",
    "test_a_run_put_in_after_it_was_pruned_is_a_new_one",
)
TestSweeping = of(
    ends.Sweeping,
    "test_d46_a_run_that_has_not_ended_is_never_removed",
    "test_pruning_while_others_write_removes_what_has_ended_alone",
)
TestUnfeeling = of(
    ends.Unfeeling, "test_d46_a_run_stays_for_as_long_as_the_one_that_has_started_it_goes_on"
)
TestByAge = of(ends.ByAge, "test_the_last_update_decides_and_the_moment_itself_is_not_before")
TestYoungestFirst = of(
    ends.YoungestFirst, "test_d46_records_are_removed_in_batches_the_oldest_first"
)
TestCascading = of(ends.Cascading, "test_known_findings_go_by_when_they_were_last_seen")
TestNullIsOld = of(ends.NullIsOld, "test_dismissals_go_once_they_have_expired")
TestGuessable = of(ends.Guessable, "test_s32_a_tenant_never_sees_a_row_of_another_one")
TestOneNamespace = of(ends.OneNamespace, "test_s32_a_row_of_another_tenant_is_never_replaced")
TestFirstTenant = of(ends.FirstTenant, "test_a_batch_of_runs_may_be_of_several_tenants")
TestPruningAll = of(ends.PruningAll, "test_s32_a_tenant_never_removes_a_row_of_another_one")
TestDefaulting = of(ends.Defaulting, "test_s28_any_text_is_a_tenant")

TestLenient = of(ends.Lenient, "test_d40_a_batch_of_runs_is_kept_equal_or_not_at_all")
TestZoneless = of(ends.Zoneless, "test_a_time_without_a_zone_is_refused")
TestUnfinished = of(
    ends.Unfinished,
    "test_d40_a_batch_of_events_is_kept_equal_or_not_at_all",
    "test_d40_a_review_is_kept_with_its_findings_or_not_at_all",
    "test_d40_a_batch_of_dismissals_is_kept_equal_or_not_at_all",
)
TestDivided = of(
    ends.Divided,
    "test_a_cancelled_batch_is_kept_whole_or_not_at_all",
    "test_a_reader_sees_a_batch_whole",
)
TestBusy = of(ends.Busy, "test_many_writers_at_once_lose_nothing")
TestRacing = of(
    ends.Racing,
    "test_writers_of_one_stream_keep_every_event_once",
    "test_pruning_while_others_write_removes_what_has_ended_alone",
)
TestRemarking = of(ends.Remarking, "test_calls_of_every_kind_go_on_at_once")
TestBlocking = of(ends.Blocking, "test_it_does_not_block_the_event_loop")
TestRecreating = of(ends.Recreating, "test_migrating_again_changes_nothing")
TestUnprepared = of(ends.Unprepared, "test_before_it_is_migrated_it_works_or_says_so")

TestUnlocked = in_file(instances.Unlocked, "test_several_may_migrate_at_once")
TestLonely = struck(
    StorageContract, instances.lonely, "test_what_was_acknowledged_outlives_the_storage"
)
TestBuffering = in_file(
    instances.Buffering, "test_what_was_acknowledged_is_there_before_anybody_closes"
)
TestHiding = in_file(instances.Hiding, "test_what_was_removed_stays_removed")
TestCaching = in_file(instances.Caching, "test_two_see_what_each_other_writes")
TestRewriting = in_file(instances.Rewriting, "test_overlapping_batches_of_several_all_arrive")
TestRecounting = in_file(instances.Recounting, "test_what_several_prune_is_counted_once")
TestClosing = in_file(instances.Closing, "test_closing_one_leaves_the_others_open")


class TestQuiet(
    in_file(instances.Quiet, "test_d15_a_storage_that_cannot_be_reached_is_an_error")  # type: ignore[misc] # made as it is asked for
):
    @pytest.fixture
    def unreachable(self) -> Callable[[], Storage]:
        return lambda: instances.Quiet("postgresql://ada@127.0.0.1:1/reviews")


def test_every_test_of_the_suite_can_fail() -> None:
    """Each has a mutant that it finds out; journals and meters have modules of their own."""
    others = mutation.tests_of(JournalContract) | mutation.tests_of(MeterContract)
    assert unbroken(StorageContract, globals()) - others == set()
