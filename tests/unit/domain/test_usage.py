from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given

from codeflow_engine.domain.usage import Usage
from review_builds import usages


def test_no_call_costs_nothing() -> None:
    """The zero value is a known cost of 0, not an unknown one."""
    assert Usage() == Usage(calls=0, input_tokens=0, output_tokens=0, cached_tokens=0)
    assert Usage().cost_usd == Decimal(0)


def test_usages_add_up() -> None:
    """Every number of the sum is the sum of the numbers, to the last decimal place."""
    one = Usage(calls=1, input_tokens=10, output_tokens=5, cached_tokens=3, cost_usd=Decimal("0.1"))
    two = Usage(calls=2, input_tokens=20, output_tokens=6, cached_tokens=4, cost_usd=Decimal("0.2"))

    assert one + two == Usage(
        calls=3, input_tokens=30, output_tokens=11, cached_tokens=7, cost_usd=Decimal("0.3")
    )


@pytest.mark.parametrize(("one", "two"), [(None, Decimal(1)), (Decimal(1), None), (None, None)])
def test_one_unknown_price_makes_the_cost_unknown(one: Decimal | None, two: Decimal | None) -> None:
    """A sum that leaves out what it does not know would read as a bargain."""
    assert (Usage(cost_usd=one) + Usage(cost_usd=two)).cost_usd is None


@given(usages(), usages())
def test_addition_is_commutative_and_has_a_zero(one: Usage, two: Usage) -> None:
    """The order of calls changes nothing, nor does a call that never was."""
    assert one + two == two + one
    assert one + Usage() == one


def test_a_sum_does_not_depend_on_the_precision_of_the_host() -> None:
    """A program that calculates with three digits is charged to the cent all the same."""
    with localcontext(prec=3):
        total = Usage(cost_usd=Decimal("1234.5678")) + Usage(cost_usd=Decimal("0.0001"))

    assert total.cost_usd == Decimal("1234.5679")


@pytest.mark.parametrize("name", ["calls", "input_tokens", "output_tokens", "cached_tokens"])
def test_a_negative_number_is_refused(name: str) -> None:
    """Nothing is consumed less than not at all."""
    fields: dict[str, Any] = {name: -1}

    with pytest.raises(ValueError, match="counted from 0"):
        Usage(**fields)


@pytest.mark.parametrize("cost", ["-0.01", "NaN", "Infinity", "-Infinity"])
def test_a_cost_that_is_no_amount_is_refused(cost: str) -> None:
    """A cost is finite and not negative, so that budgets can be held against it."""
    with pytest.raises(ValueError, match="a finite number of dollars"):
        Usage(cost_usd=Decimal(cost))
