from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.model import ModelFacts, ModelSettings, Rates
from codeflow_engine.domain.usage import CallUsage
from codeflow_engine.errors import ConfigurationError

STEPPED = ModelFacts(
    rates=(
        Rates(
            input=Decimal(3),
            output=Decimal(15),
            cached=Decimal("0.3"),
            cache_write=Decimal("3.75"),
        ),
        Rates(
            input=Decimal(6),
            output=Decimal("22.5"),
            cached=Decimal("0.6"),
            cache_write=Decimal("7.5"),
            above=200_000,
        ),
    )
)
COUNTS = st.integers(0, 10**7)
PRICES = st.decimals(0, 1000, places=6)


@st.composite
def call_usages(draw: st.DrawFn) -> CallUsage:
    cached, written, fresh = draw(COUNTS), draw(COUNTS), draw(COUNTS)
    return CallUsage(
        input_tokens=cached + written + fresh,
        cached_tokens=cached,
        cache_write_tokens=written,
        output_tokens=draw(COUNTS),
    )


def test_each_kind_of_token_has_its_price() -> None:
    """Read from a cache, written into it, sent and received: each is paid as such, once."""
    usage = CallUsage(
        input_tokens=1_000,
        cached_tokens=600,
        cache_write_tokens=300,
        output_tokens=50,
        reasoning_tokens=40,
    )

    expected = 100 * Decimal(3) + 600 * Decimal("0.3") + 300 * Decimal("3.75") + 50 * Decimal(15)
    assert STEPPED.cost(usage) == expected / 1_000_000


@pytest.mark.parametrize(("sent", "rate"), [(200_000, 3), (200_001, 6)])
def test_a_long_prompt_is_paid_by_its_own_price_as_a_whole(sent: int, rate: int) -> None:
    """Beyond a step, all tokens of the call have the price of the step."""
    assert STEPPED.cost(CallUsage(input_tokens=sent)) == Decimal(sent * rate) / 1_000_000


def test_a_cost_is_exact_whatever_the_precision_of_the_host() -> None:
    """A program that rounds its decimals to three digits does not round its bill."""
    with localcontext() as context:
        context.prec = 3
        cost = STEPPED.cost(CallUsage(input_tokens=123_457, output_tokens=98_765))

    assert cost == Decimal("1.851846")


@pytest.mark.parametrize(
    ("rates", "usage"),
    [
        ((), CallUsage()),
        ((Rates(input=Decimal(1)),), CallUsage(output_tokens=1)),
        ((Rates(output=Decimal(1)),), CallUsage(input_tokens=1)),
        ((Rates(input=Decimal(1)),), CallUsage(input_tokens=1, cache_write_tokens=1)),
        ((Rates(input=Decimal(1)),), CallUsage(input_tokens=1, cached_tokens=2)),
    ],
    ids=["no prices", "output", "input", "cache write", "counts that disagree"],
)
def test_a_missing_price_is_no_price_of_nothing(rates: tuple[Rates, ...], usage: CallUsage) -> None:
    """A cost that cannot be known is None: 0 would let a budget be spent unseen."""
    assert ModelFacts(rates=rates).cost(usage) is None


def test_cached_tokens_without_a_price_are_paid_as_sent() -> None:
    """A provider that names no discount gives none."""
    usage = CallUsage(input_tokens=10, cached_tokens=10)

    assert ModelFacts(rates=(Rates(input=Decimal(1)),)).cost(usage) == Decimal("0.00001")


@given(call_usages(), st.integers(0, 10**6), st.integers(0, 10**6))
def test_no_call_costs_more_than_its_ceiling(usage: CallUsage, more: int, longer: int) -> None:
    """Whatever a cache does, and however far the call stays below what was reserved."""
    cost = STEPPED.cost(usage)
    ceiling = STEPPED.ceiling(usage.input_tokens + more, usage.output_tokens + longer)

    assert cost is not None
    assert ceiling is not None
    assert cost <= ceiling


@given(PRICES, PRICES, COUNTS, COUNTS)
def test_a_host_price_is_taken_to_the_last_digit(
    sent: Decimal, received: Decimal, tokens: int, answer: int
) -> None:
    """Price times count, by the million, in integers of the smallest unit."""
    cost = Rates(input=sent, output=received).cost(
        CallUsage(input_tokens=tokens, output_tokens=answer)
    )

    assert cost is not None
    assert int(cost * 10**12) == int(sent * 10**6) * tokens + int(received * 10**6) * answer


@pytest.mark.parametrize("price", ["NaN", "Infinity", "-0.01", "-Infinity", "1E+99", "1E-99"])
def test_a_price_is_a_finite_number_of_dollars(price: str) -> None:
    """Nothing negative, endless or undefined becomes a price."""
    with pytest.raises(ConfigurationError, match="input_usd_per_million"):
        ModelSettings(input_usd_per_million=Decimal(price), output_usd_per_million=Decimal(1))
    with pytest.raises(ValueError, match="price"):
        Rates(output=Decimal(price))


@pytest.mark.parametrize(
    "said",
    [
        {"input_usd_per_million": Decimal(1)},
        {"output_usd_per_million": Decimal(1)},
        {"cached_usd_per_million": Decimal(1)},
        {"input_usd_per_million": 0.1, "output_usd_per_million": Decimal(1)},
        {"context_window": 0},
        {"max_output": -1},
    ],
)
def test_half_of_what_a_model_costs_is_refused(said: dict[str, Any]) -> None:
    """Settings with which a cost would be guessed, or nothing could be asked, are refused."""
    with pytest.raises(ConfigurationError):
        ModelSettings(**said)


def test_only_a_model_with_all_plain_prices_is_priced() -> None:
    """A budget of money needs the price of what is sent and of what is received."""
    assert STEPPED.is_priced
    assert not ModelFacts().is_priced
    assert not ModelFacts(rates=(Rates(input=Decimal(1)),)).is_priced
    assert ModelFacts(rates=(Rates(input=Decimal(1)),)).ceiling(1, 1) is None
    assert ModelFacts().ceiling(1, 1) is None
