"""Every test of the suite of LLM providers fails for a shipped provider that is broken."""

from __future__ import annotations

import pytest
from broken_llm import broken
from broken_llm_answers import (
    Anonymous,
    Coarse,
    Collecting,
    Counting,
    Endless,
    Formless,
    Free,
    Generous,
    Gullible,
    Hasty,
    Hurried,
    Keeping,
    Loose,
    Miscounting,
    Modest,
    Patching,
    Premature,
    Raising,
    Repeating,
    Resentful,
    Retrying,
    Shortening,
    Strict,
    Telling,
    Thrifty,
    Trimming,
    Unsorted,
    Wordy,
)
from broken_llm_guards import (
    Anxious,
    Blocking,
    Careless,
    Chaining,
    Changing,
    Deaf,
    Embedding,
    Global,
    Hiding,
    Importing,
    Lingering,
    Logging,
    Quoting,
    Secretive,
    Sharing,
    Shielded,
    Showing,
    Vague,
)
from mutation import unbroken

from codeflow_engine.testing.contracts import LLMContract

pytestmark = pytest.mark.fault

TestAnonymous = broken(
    Anonymous,
    "test_an_answer_is_whole",
    "test_the_last_piece_of_a_stream_carries_the_answer",
)
TestLoose = broken(Loose, "test_an_answer_is_whole")
TestTrimming = broken(Trimming, "test_its_text_comes_to_the_letter")
TestMiscounting = broken(Miscounting, "test_its_counts_are_those_of_the_provider")
TestFree = broken(Free, "test_an_answer_without_counts_has_estimated_ones")
TestRepeating = broken(Repeating, "test_the_last_piece_of_a_stream_carries_the_answer")
TestPremature = broken(Premature, "test_the_last_piece_of_a_stream_carries_the_answer")
TestCollecting = broken(Collecting, "test_a_stream_comes_in_pieces")
TestModest = broken(
    Modest,
    "test_an_answer_without_streaming_is_one_piece",
    "test_it_counts_no_tokens_that_it_cannot_count",
    "test_it_lists_no_models_that_it_cannot_list",
)
TestShortening = broken(Shortening, "test_it_sends_what_was_asked")
TestGenerous = broken(Generous, "test_it_sends_what_was_asked")
TestTelling = broken(Telling, "test_it_sends_nothing_else_of_a_request")
TestFormless = broken(Formless, "test_a_schema_reaches_the_model")
TestStrict = broken(Strict, "test_a_question_with_a_schema_is_answered")
TestCounting = broken(Counting, "test_it_counts_more_tokens_in_more_text")
TestUnsorted = broken(Unsorted, "test_it_lists_its_models")


REASONS = (
    "test_a_cut_answer_says_so",
    "test_an_unknown_reason_is_no_stop",
    "test_an_end_without_a_reason_is_no_stop",
)
FILTERED = "test_a_filtered_answer_says_so"
BREAK = "test_a_connection_that_breaks_gives_no_answer"

TestHasty = broken(Hasty, *REASONS, "test_a_refusal_says_so")
TestHastyFilter = broken(Hasty, FILTERED, vendor="chat")
TestRaising = broken(Raising, *REASONS, "test_a_refusal_says_so")
TestPatching = broken(Patching, BREAK)
TestThrifty = broken(Thrifty, BREAK, "test_silence_ends_after_the_timeout")


TestCoarse = broken(
    Coarse,
    "test_each_failure_has_its_error",
    "test_what_will_not_pass_is_not_retried",
    "test_what_is_no_answer_is_an_error",
)
TestWordy = broken(Wordy, "test_each_failure_has_its_error")
TestHurried = broken(Hurried, "test_the_wait_that_was_asked_for_is_told")
TestRetrying = broken(Retrying, "test_a_call_is_made_once")
TestResentful = broken(Resentful, "test_a_failure_is_forgotten")
TestGullible = broken(Gullible, "test_what_is_no_answer_is_an_error")
TestEndless = broken(Endless, "test_silence_ends_after_the_timeout")
TestKeeping = broken(Keeping, "test_its_errors_survive_a_process")


SHOWN = "test_no_error_shows_a_key_or_a_prompt"
CANCEL = "test_cancelling_a_call_ends_it_at_once"
TestChanging = broken(Changing, "test_it_says_whom_it_asks")
TestShowing = broken(Showing, "test_nothing_that_it_says_of_itself_is_a_key")
TestEmbedding = broken(Embedding, "test_nothing_that_it_says_of_itself_is_a_key")
TestHiding = broken(Hiding, "test_without_an_endpoint_it_connects_to_nothing")
TestSecretive = broken(Secretive, "test_it_names_the_keys_that_it_uses")
TestImporting = broken(Importing, "test_making_it_imports_no_sdk")
TestVague = broken(Vague, "test_a_missing_key_is_named")
TestCareless = broken(Careless, "test_a_missing_key_is_named")
TestAnxious = broken(Anxious, "test_nothing_is_missing_for_a_call")
TestQuoting = broken(Quoting, SHOWN)
TestChaining = broken(Chaining, SHOWN)
TestLogging = broken(Logging, SHOWN)
TestShielded = broken(Shielded, CANCEL)
TestDeaf = broken(Deaf, CANCEL)
TestLingering = broken(Lingering, CANCEL)
TestSharing = broken(Sharing, "test_calls_at_once_do_not_mix")
TestGlobal = broken(Global, "test_closing_one_leaves_the_others_open")
TestBlocking = broken(Blocking, "test_it_does_not_block_the_event_loop")


def test_every_test_of_the_suite_can_fail() -> None:
    """Each has a mutant that it finds out."""
    assert unbroken(LLMContract, globals()) == set()
