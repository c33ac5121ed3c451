from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.identity import Traits
from codeflow_engine.review.fingerprint import Fingerprints, traits_of
from codeflow_engine.review.likeness import CodeLikeness, context_likeness

CODE = ["a()", "", "b()", "if x:", "    BAD(1)", "c()", "\t", "d()"]


def test_traits_hold_the_code_and_the_lines_around_without_spacing() -> None:
    """Blank lines and indentation are no part of what a finding is known by."""
    traits = traits_of(CODE, 4, 4)
    assert (traits.code, traits.before, traits.after) == (
        "BAD(1)",
        ("a()", "b()", "if x:"),
        ("c()", "d()"),
    )


def test_traits_of_several_lines_are_those_of_the_whole_range() -> None:
    """The range is one piece of code, and what lies around it begins outside."""
    traits = traits_of(CODE, 3, 5)
    assert (traits.code, traits.before, traits.after) == (
        "if x: BAD(1) c()",
        ("a()", "b()"),
        ("d()",),
    )


def test_traits_are_bounded_and_tell_long_lines_apart() -> None:
    """A line of any length is kept as its beginning and a digest of the whole."""
    lines = ["x" * 5_000_000, "y" * 5_000_000, "x" * 5_000_000]
    one = traits_of(lines, 1, 1)
    other = traits_of([*lines[:2], lines[2] + "z"], 1, 1)
    assert len(repr(one)) < 2_000
    assert (one.code == other.code, one.before == other.before) == (True, True)
    assert one.after != other.after


@given(st.lists(st.sampled_from(["a", "b"]), max_size=20), st.sets(st.integers(0, 3)))
def test_fingerprints_are_unique_also_among_equal_ones_and_taken_ones(
    codes: list[str], taken: set[int]
) -> None:
    """Equal findings are numbered, and a number that belongs to another one is passed over."""
    given_away = Fingerprints()
    used = [given_away.make("r", "a.py", Traits(code="a")) for _ in range(4)]
    fingerprints = Fingerprints({used[number] for number in taken})
    made = [fingerprints.make("r", "a.py", Traits(code=code)) for code in codes]
    assert len(set(made)) == len(made)
    assert {used[number] for number in taken}.isdisjoint(made)


@pytest.mark.parametrize(
    "other", [("s", "a.py", "a"), ("r", "b.py", "a"), ("r", "a.py", "b"), ("r", "a.pya", "")]
)
def test_a_fingerprint_tells_rule_path_and_code_apart(other: tuple[str, str, str]) -> None:
    """Each of them is part of the identity, and none runs into the next one."""
    rule, path, code = other
    one = Fingerprints().make("r", "a.py", Traits(code="a"))
    assert one != Fingerprints().make(rule, path, Traits(code=code))
    around = Traits(code="a", before=("x",), after=("y",))
    assert one == Fingerprints().make("r", "a.py", around)


@given(st.text("ab (", max_size=40), st.text("ab (", max_size=40))
def test_likeness_of_code_is_symmetric_and_one_for_equal_code(one: str, other: str) -> None:
    """It lies from 0 to 1, whichever of both comes first."""
    likeness = CodeLikeness()
    assert likeness.of(one, one) == 1
    assert 0 <= likeness.of(one, other) == CodeLikeness().of(other, one) <= 1


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        ("total = pay(cart)", "total = pay(cart, user)", 0.7, 0.95),
        ("total = pay(cart)", "import collections", 0, 0.3),
        ("call(first, second)", "with lock: x = call(first, second); y = 3; z = 4", 0.7, 1),
        ("def f(a, b, c, d, e, f): return [" + "x" * 60, "def f(a, b, c, d, e, f): return [" + "123"
         * 60, 0.7, 1),
    ],
)  # fmt: skip
def test_likeness_of_code_tells_an_edit_from_another_line(
    one: str, other: str, least: float, most: float
) -> None:
    """An edit, a part and a long piece with the same beginning are alike."""
    assert least <= CodeLikeness().of(one, other) <= most


def test_likeness_of_surroundings_says_nothing_where_a_diff_ends() -> None:
    """Lines that one of both versions does not show count neither for nor against."""
    full = (("first()", "second()"), ("third()", "fourth()"))
    assert context_likeness(full, full) == 1
    assert context_likeness(full, ((), ())) is None
    assert context_likeness(full, ((), full[1])) == 1
    assert context_likeness((("second()",), ()), (full[0], ())) == 1
    assert context_likeness(full, (("other()", "more()"), ("else()", "then()"))) == 0
    half = context_likeness(full, (full[0], ("else()", "then()")))
    assert half == pytest.approx(0.5)


def test_a_line_that_tells_little_weighs_little() -> None:
    """Two places are not alike for their brackets."""
    brackets = context_likeness((("first()", "})"), ()), (("second()", "})"), ()))
    calls = context_likeness((("})", "first()"), ()), (("]", "first()"), ()))
    assert brackets is not None
    assert calls is not None
    assert brackets < 0.5 < calls
