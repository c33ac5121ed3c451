from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from typing import Any

import genai_prices
import pytest
from genai_prices.data import providers as listed
from genai_prices.data_snapshot import DataSnapshot, set_custom_snapshot

from codeflow_engine.domain.model import ModelFacts, ModelSettings
from codeflow_engine.domain.usage import CallUsage
from codeflow_engine.llm.models import Models

NOW = datetime(2026, 11, 1, tzinfo=UTC)
OURS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "mistral_ai": "mistral",
    "groq": "groq",
    "azure.ai.openai": "azure",
}
USAGES = (
    CallUsage(input_tokens=1_000, output_tokens=333),
    CallUsage(input_tokens=199_999, cached_tokens=77_777, output_tokens=12_345),
    CallUsage(input_tokens=999_999, cached_tokens=400_001, output_tokens=64_001),
    CallUsage(input_tokens=5_000, cache_write_tokens=1_001, cached_tokens=2_003, output_tokens=7),
)


def models_of(provider: str) -> list[Any]:
    [found] = [one for one in listed if one.id == OURS[provider]]
    return [model for model in found.models if model.prices]


def by_the_list(model: Any, usage: CallUsage, at: datetime) -> Decimal:
    """Let the list's own arithmetic say what a call costs."""
    counts = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    total: Decimal = model.get_prices(at).calc_price(counts)["total_price"]
    return total


@pytest.mark.parametrize("provider", OURS)
def test_costs_are_those_of_the_list(provider: str) -> None:
    """For every priced model, at dates before and after a change of prices, in every step."""
    compared = 0
    for model, usage, year in product(models_of(provider), USAGES, (2023, 2025, 2026)):
        at = datetime(year, 10, 1, tzinfo=UTC)
        prices = model.get_prices(at).__dict__
        if "input_mtok" not in prices or "output_mtok" not in prices:
            continue
        if usage.cache_write_tokens and "cache_write_mtok" not in prices:
            continue
        found = Models().facts(provider, model.id, at=at)
        if found.rates and _is_itself(provider, model):
            assert found.cost(usage) == by_the_list(model, usage, at), model.id
            compared += 1

    assert compared > 50


def _is_itself(provider: str, model: Any) -> bool:
    """Whether the model's own id finds it; some of the list's ids are names of families."""
    snapshot = DataSnapshot(providers=listed, from_auto_update=False)
    try:
        return snapshot.find_provider_model(model.id, None, OURS[provider], None)[1] is model
    except LookupError:
        return False


@pytest.mark.parametrize(
    ("provider", "model", "window"),
    [
        ("openai", "gpt-5.1", 400_000),
        ("openai", "gpt-5.1-2025-11-13", 400_000),
        ("azure.ai.openai", "gpt-5.1", 400_000),
        ("anthropic", "claude-sonnet-4-5", 200_000),
        ("anthropic", "claude-sonnet-4-5-20250929", 200_000),
        ("mistral_ai", "codestral-latest", 256_000),
        ("groq", "openai/gpt-oss-120b", 131_072),
    ],
)
def test_a_model_is_known_with_its_date_or_without(provider: str, model: str, window: int) -> None:
    """Ids as they are asked for and as they are answered lead to the same facts."""
    facts = Models().facts(provider, model, at=NOW)

    assert facts.context_window == window
    assert facts.is_priced


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "our-own-model"),
        ("openai", ""),
        ("openai", "llama3"),
        ("anthropic", "gpt-5.1"),
        ("openai-compatible", "gpt-5.1"),
        ("my.openai.proxy", "gpt-5.1"),
        ("google", "gemini-2.5-pro"),
        ("", "gpt-5.1"),
        ("openai", "whisper-1"),
    ],
)
def test_what_is_not_known_has_no_cost(provider: str, model: str) -> None:
    """Neither a strange model nor a strange provider is taken for one with a like name."""
    usage = CallUsage(input_tokens=1, output_tokens=1)

    assert Models().cost(provider, model, usage, at=NOW) is None


def test_an_embedding_model_has_no_price_for_words() -> None:
    """Where the list has no price for what is received, it is not given away."""
    usage = CallUsage(input_tokens=1, output_tokens=1)

    assert Models().cost("openai", "text-embedding-3-small", usage, at=NOW) is None


def test_a_provider_that_asks_nobody_costs_nothing() -> None:
    """The cost of an echo is known, and it is 0."""
    usage = CallUsage(input_tokens=10**9, output_tokens=10**9)

    assert Models().cost("echo", "echo", usage, at=NOW) == 0


@pytest.mark.parametrize("key", ["openai:our-own-model", "our-own-model"])
def test_a_host_prices_a_model_that_nobody_knows(key: str) -> None:
    """Its word counts for the id alone and for the id behind its provider."""
    said = ModelSettings(
        input_usd_per_million=Decimal("0.5"),
        output_usd_per_million=Decimal(2),
        context_window=32_768,
        max_output=4_096,
    )
    models = Models({key: said})
    usage = CallUsage(
        input_tokens=3_000_000,
        cached_tokens=1_000_000,
        cache_write_tokens=1_000_000,
        output_tokens=1_000_000,
    )

    facts = models.facts("openai", "our-own-model", at=NOW)

    assert (facts.context_window, facts.max_output) == (32_768, 4_096)
    assert facts.cost(usage) == Decimal("3.5")
    assert models.facts("openai", "another", at=NOW) == ModelFacts()


def test_the_word_of_a_host_goes_before_the_list_where_it_says_one() -> None:
    """A smaller window leaves the list's prices; its own prices leave the list's window."""
    window = Models({"gpt-5.1": ModelSettings(context_window=1_000)})
    free = Models(
        {
            "openai:gpt-5.1": ModelSettings(
                input_usd_per_million=Decimal(0), output_usd_per_million=Decimal(0)
            )
        }
    )
    usage = CallUsage(input_tokens=1_000, output_tokens=1_000)

    assert window.facts("openai", "gpt-5.1", at=NOW).context_window == 1_000
    assert window.facts("openai", "gpt-5.1", at=NOW).is_priced
    assert free.cost("openai", "gpt-5.1", usage, at=NOW) == 0
    assert free.facts("openai", "gpt-5.1", at=NOW).context_window == 400_000


def test_a_price_changes_at_the_date_that_the_list_knows() -> None:
    """A call is paid by the price of its own time."""
    changes = [
        (provider, model, condition.constraint.start_date)
        for provider in OURS
        for model in models_of(provider)
        if isinstance(model.prices, list) and _is_itself(provider, model)
        for condition in model.prices
        if isinstance(getattr(condition.constraint, "start_date", None), date)
        and "output_mtok" in condition.prices.__dict__
    ]
    usage = CallUsage(input_tokens=1_000, output_tokens=1_000)

    costs = {
        (model.id, moment): Models().cost(provider, model.id, usage, at=moment)
        for provider, model, start in changes
        for moment in (datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC))
    }

    assert len({model for model, _ in costs}) >= 3
    assert len({cost for cost in costs.values() if cost is not None}) > len(costs) // 2


def test_a_list_that_a_host_has_set_for_itself_is_not_ours() -> None:
    """Costs do not hang on what else the process does with the package."""
    usage = CallUsage(input_tokens=1_000, output_tokens=1_000)
    before = Models().cost("openai", "gpt-5.1", usage, at=NOW)
    set_custom_snapshot(DataSnapshot(providers=[], from_auto_update=True))
    try:
        assert Models().cost("openai", "gpt-5.1", usage, at=NOW) == before is not None
    finally:
        set_custom_snapshot(None)


def test_looking_up_starts_nothing() -> None:
    """No thread is left that would fetch another list."""
    threads = set(threading.enumerate())

    Models().load()
    Models().facts("openai", "gpt-5.1", at=NOW)

    assert set(threading.enumerate()) <= threads
