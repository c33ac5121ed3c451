from __future__ import annotations

import hashlib
import json
import statistics
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from token_texts import PYTHON, texts

from codeflow_engine.domain.chat import ChatRequest, Message, Role
from codeflow_engine.llm.token_weights import FAMILIES
from codeflow_engine.llm.tokens import estimate, estimate_text

TEXTS = texts()
COUNTS: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "token_counts.json").read_text("utf-8")
)
ASKED = {
    "openai": ("openai", "gpt-5.1", ("o200k", "cl100k")),
    "anthropic": ("anthropic", "claude-opus-4-8", ("claude",)),
    "anthropic before": ("anthropic", "claude-sonnet-4-5-20250929", ("claude3",)),
    "mistral": ("mistral_ai", "mistral-large-latest", ("tekken",)),
    "groq": ("groq", "llama-3.3-70b-versatile", ("llama3_1", "qwen3", "o200k")),
    "any": (
        "",
        "",
        ("o200k", "cl100k", "claude", "claude3", "tekken", "llama3_1", "qwen3", "gemma3", "llama2"),
    ),
}
EVERYWHERE = st.sampled_from(sorted(ASKED))
WRITTEN = st.text(st.characters(codec="utf-8"), max_size=200) | st.sampled_from(
    [text for text in TEXTS.values() if len(text) < 600]
)


def estimated(asked: str, text: str) -> int:
    provider, model, _ = ASKED[asked]
    return estimate_text(text, provider=provider, model=model)


def ratios(asked: str) -> dict[str, list[float]]:
    """Give how many times the true count was estimated, by kind of text."""
    found = defaultdict(list)
    for name, text in TEXTS.items():
        true = max(COUNTS[name][tokenizer] for tokenizer in ASKED[asked][2])
        found[name.partition("/")[0]].append(estimated(asked, text) / max(true, 1))
    return found


def test_the_counts_are_of_these_texts() -> None:
    """A text that changes is counted anew, by `benchmarks/token_counts.py`."""
    digests = {name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in TEXTS.items()}

    assert digests == {name: count["sha256"] for name, count in COUNTS.items()}


@pytest.mark.parametrize("asked", ASKED)
def test_no_text_has_more_tokens_than_estimated(asked: str) -> None:
    """Code, diffs, prose in fifteen languages, data: none of them breaks out of a budget."""
    low = {
        name: (estimated(asked, text), COUNTS[name])
        for name, text in TEXTS.items()
        if estimated(asked, text) < max(COUNTS[name][of] for of in ASKED[asked][2])
    }

    assert low == {}


@pytest.mark.parametrize("asked", ASKED)
def test_what_a_review_sends_is_not_estimated_at_twice_its_size(asked: str) -> None:
    """An estimate that is far too high would leave half of a window and a budget unused."""
    found = ratios(asked)

    assert statistics.median(found["code"]) < 1.4
    assert statistics.median(found["diff"]) < 1.3
    assert max(found["code"] + found["diff"]) < 1.75
    assert statistics.median(found["asian"]) < 1.6


@given(EVERYWHERE, WRITTEN, WRITTEN)
def test_more_text_is_never_fewer_tokens(asked: str, one: str, other: str) -> None:
    """A text has at least as many as each of its parts, and about as many as all of them."""
    whole = estimated(asked, one + other)
    parts = estimated(asked, one) + estimated(asked, other)

    assert whole >= max(estimated(asked, one), estimated(asked, other))
    assert abs(whole - parts) <= 25


@given(EVERYWHERE, WRITTEN)
def test_a_text_is_never_nothing(asked: str, text: str) -> None:
    """Every text that is not empty has a token at least, lone surrogates and all."""
    assert (estimated(asked, text) > 0) == bool(text)
    assert estimated(asked, text + "\ud800") > 0


@pytest.mark.parametrize("asked", ASKED)
def test_a_long_text_is_as_many_times_a_short_one(asked: str) -> None:
    """However much the same thing weighs, none of it is lost where it comes very often."""
    for one in (*map(chr, range(0x80)), "a1", "-A", "é", "字"):
        short, long = estimated(asked, one * 500), estimated(asked, one * 32_000)

        assert abs(long - 64 * short) <= 64 * 10, one


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("openai", "gpt-4o"), ("openai", "ft:gpt-4o-2024-08-06:acme::x")),
        (("openai", "qwen3-coder"), ("", "")),
        (("anthropic", "claude-3-5-haiku-latest"), ("anthropic", "claude-sonnet-4-5")),
        (("anthropic", "claude-sonnet-4-20250514"), ("anthropic", "claude-opus-4-6")),
        (("anthropic", "claude-opus-4-7"), ("anthropic", "claude-next")),
        (("mistral_ai", "open-mistral-7b"), ("somewhere", "else")),
        (("azure.ai.openai", "gpt-5.1"), ("openai", "o3")),
    ],
)
def test_a_model_is_counted_by_the_tokenizer_of_its_makers(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    """A name that is not known gets the most that any tokenizer makes."""
    assert estimate_text(PYTHON, provider=one[0], model=one[1]) == estimate_text(
        PYTHON, provider=other[0], model=other[1]
    )


def test_a_request_is_more_than_its_texts() -> None:
    """Each message and the form of the answer cost tokens of their own."""
    messages = tuple(Message(role=Role.USER, text=text) for text in (PYTHON, "ok"))
    plain = ChatRequest(messages=messages, max_output_tokens=100)
    schema = {"type": "object", "properties": {"findings": {"type": "array"}}}
    formed = ChatRequest(messages=messages, max_output_tokens=100, answer_schema=schema)
    asked = {"provider": "openai", "model": "gpt-5.1"}

    texts_alone = estimate_text(PYTHON, **asked) + estimate_text("ok", **asked)

    assert estimate(plain, **asked) >= texts_alone + 3 * len(messages) + 3
    assert estimate(formed, **asked) >= estimate(plain, **asked) + 346


def test_an_estimate_takes_about_as_long_as_reading() -> None:
    """Ten kilobytes take less than a millisecond on a quiet machine, and a megabyte no more."""
    text = (PYTHON * 2000)[:1_000_000]
    estimate_text(text[:1000])

    fastest = min(_seconds(text) for _ in range(3))

    assert fastest < 0.3


def _seconds(text: str) -> float:
    start = time.perf_counter()
    estimate_text(text)
    return time.perf_counter() - start


def test_every_family_is_measured() -> None:
    """No column of the weights is left without recorded counts."""
    assert len(FAMILIES) == len(ASKED)
