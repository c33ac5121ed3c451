from __future__ import annotations

import random
from itertools import chain, combinations

from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.review.alignment import align

PAIRS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(1, 4).map(float)),
    max_size=9,
    unique_by=lambda row: row[:2],
)


def _rises(rows: tuple[tuple[int, int, float], ...]) -> bool:
    return all(one[0] < other[0] and one[1] < other[1] for one, other in combinations(rows, 2))


@given(PAIRS, st.randoms(use_true_random=False))
def test_the_heaviest_rising_choice_is_found(
    rows: list[tuple[int, int, float]], rng: random.Random
) -> None:
    """No other choice of rising pairs weighs more, and the order of the input is nothing."""
    weights = {row[:2]: row[2] for row in rows}
    found = align(rows)
    rows.sort()
    every = chain.from_iterable(combinations(rows, size) for size in range(len(rows) + 1))
    best = max(sum(row[2] for row in choice) for choice in every if _rises(choice))
    assert sum(weights[pair] for pair in found) == best
    assert _rises(tuple((*pair, 1.0) for pair in found))
    rng.shuffle(rows)
    assert align(rows) == found
