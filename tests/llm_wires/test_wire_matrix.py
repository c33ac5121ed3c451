"""The matrix of faults is whole: each case stands here on each wire."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from wires import WIRES

CASES = range(1, 37)

OF_ONE_VENDOR = {14: {"groq"}}
"""Cases that only some wires have; the others skip them."""

HERE = Path(__file__).parent


def covered() -> dict[int, list[str]]:
    """List the tests of each case, by its number in their names."""
    found: dict[int, list[str]] = {}
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) and "wire" in [
                argument.arg for argument in node.args.args
            ]:
                for number in re.findall(r"(?<=_)l(\d+)(?=_)", node.name):
                    found.setdefault(int(number), []).append(node.name)
    return found


def test_each_case_stands_on_each_wire() -> None:
    """Every number is held by a test that runs on all five wires."""
    held = covered()

    assert sorted(held) == list(CASES)
    assert len(WIRES) == 5
    assert set(OF_ONE_VENDOR) <= set(held)
    assert {name for names in OF_ONE_VENDOR.values() for name in names} <= {
        wire.name for wire in WIRES
    }


def test_no_wire_has_fewer_cells_than_another(request: pytest.FixtureRequest) -> None:
    """The tests that run for one wire run for each, but for those that name their wires."""
    names: dict[str, set[str]] = {wire.name: set() for wire in WIRES}
    for item in request.session.items:
        call = getattr(item, "callspec", None)
        wire = call.params.get("wire") if call else None
        if wire is not None and HERE in item.path.parents and not _names_wires(item):
            others = [f"{name}={each}" for name, each in call.params.items() if name != "wire"]
            names[wire.name].add(" ".join((item.nodeid.partition("[")[0], *sorted(others))))
    asked = request.config
    if (
        asked.getoption("keyword")
        or any("::" in each for each in asked.args)
        or not any(names.values())
    ):
        pytest.skip("only some of the cells were asked for")
    sizes = {name: len(cells) for name, cells in names.items()}
    print(f"cells: {sizes}")  # noqa: T201 - shown with `pytest -rP`

    assert len(set(map(frozenset, names.values()))) == 1, sizes


def _names_wires(item: pytest.Item) -> bool:
    """Say whether a test runs on one wire by default: all five stand in its mark."""
    named = [mark.args[1] for mark in item.iter_markers("parametrize") if mark.args[0] == "wire"]
    assert all(len(wires) == len(WIRES) for wires in named), item.nodeid
    return bool(named)
