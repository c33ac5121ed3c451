"""The matrix of faults is whole: each case stands here on each wire, or above the wires."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
from wires import WIRES

CASES = range(1, 37)

ABOVE = {
    3: "backoff without a header",
    5: "breaker and retry budget",
    13: "structured output",
    26: "rates of tokens",
    27: "fallback chains",
    28: "runs without any provider",
    29: "budgets",
    30: "the cache of answers",
}
"""Cases of what sits above a provider, which makes a call once."""

OF_ONE_VENDOR = {14: {"groq"}}
"""Cases that only some wires have; the others skip them."""

HERE = Path(__file__).parent


def covered() -> dict[int, list[str]]:
    """List the tests of each case, by its number in their names."""
    found: dict[int, list[str]] = {}
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef):
                match = re.match(r"test_l(\d+)_", node.name)
                if match and "wire" in [argument.arg for argument in node.args.args]:
                    found.setdefault(int(match[1]), []).append(node.name)
    return found


def test_each_case_stands_on_each_wire_or_above() -> None:
    """Every number is held by a test that runs on all five wires, or named as another floor's."""
    held = covered()

    assert sorted({*held, *ABOVE}) == list(CASES)
    assert not held.keys() & ABOVE.keys()
    assert len(WIRES) == 5
    assert set(OF_ONE_VENDOR) <= set(held)


def test_no_wire_has_fewer_cells_than_another(
    request: pytest.FixtureRequest, record_property: pytest.RecordProperty
) -> None:
    """The tests that run for one wire run for each; their number is a property of this test."""
    cells: Counter[str] = Counter()
    names: dict[str, set[str]] = {wire.name: set() for wire in WIRES}
    for item in request.session.items:
        call = getattr(item, "callspec", None)
        wire = call.params.get("wire") if call else None
        if wire is not None and HERE in item.path.parents:
            cells[wire.name] += 1
            names[wire.name].add(item.nodeid.replace(wire.name, "*", 1))
    if request.config.getoption("keyword") or not cells or request.config.args != [str(HERE)]:
        pytest.skip("only some of the cells were asked for")
    for name, count in cells.items():
        record_property(f"cells_{name}", count)

    assert len(set(map(frozenset, names.values()))) == 1
