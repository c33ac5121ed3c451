"""The analyzer `acme-sql` keeps its contract, and finds what it is there for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from codeflow_engine.domain.finding import Severity
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.contracts import AnalyzerContract, Expected
from codeflow_engine.testing.examples import Example, ExampleFile

from codeflow_acme.sql import SQLAnalyzer, SQLSettings
from codeflow_acme.sql_scan import answer, scan

CALLS = frozenset({"execute"})
SHOP = Example(
    name="shop",
    base={
        "shop/orders.py": ExampleFile.of("def find(db, name):\n    return None\n"),
        "shop/old.py": ExampleFile.of("db.execute(f'{x}')\n"),
        "README.md": ExampleFile.of("one\n"),
    },
    head={
        "shop/orders.py": ExampleFile.of(
            "def find(db, name):\n"
            "    return db.execute(\n"
            "        f\"SELECT * FROM orders WHERE name = '{name}'\"\n"
            "    )\n"
        ),
        "shop/broken.py": ExampleFile.of("def find(:\n"),
        "README.md": ExampleFile.of("two\n"),
    },
)


class TestSQLAnalyzer(AnalyzerContract):
    """The contract suite, with what the analyzer finds and with other settings."""

    @pytest.fixture
    def create(self) -> Callable[[], SQLAnalyzer]:
        return SQLAnalyzer

    @pytest.fixture
    def finds(self) -> Sequence[Expected]:
        return [Expected(example=SHOP, path="shop/orders.py", rule="built-sql", line=2)]

    @pytest.fixture
    def create_other(self) -> Callable[[], SQLAnalyzer]:
        return lambda: SQLAnalyzer(SQLSettings(calls=("query",)))


@pytest.mark.parametrize(
    ("argument", "how"),
    [
        ("f'SELECT {x}'", "an f-string"),
        ("'SELECT %s' % x", "the % operator"),
        ("'SELECT ' + x + ' FROM t'", "the + operator"),
        ("'SELECT {}'.format(x)", "str.format"),
        ("'SELECT ?', (x,)", None),
        ("f'SELECT 1'", None),
        ("'SELECT ' + 'one'", None),
        ("statement", None),
        ("a % b", None),
    ],
)
def test_only_a_string_with_values_in_it_is_found(argument: str, how: str | None) -> None:
    """Parameters beside the statement are what the analyzer asks for."""
    found = list(scan(f"db.execute({argument})\nother({argument})\n", CALLS))

    assert found == ([] if how is None else [(1, 1, how)])


@pytest.mark.parametrize("text", ["def f(:\n", "x = " + "(" * 5000, "a\0b", "x = " + "-" * 100_000])
def test_a_file_that_cannot_be_parsed_says_so(text: str) -> None:
    """It costs no other file its answer, and never reads as clean."""
    assert answer(text, CALLS)["error"] is not None


def test_a_very_long_sum_is_looked_through() -> None:
    """A file may add up more parts than Python's stack is deep."""
    text = "db.execute(" + " + ".join(["'a'"] * 900) + " + x)\n"

    assert [how for _, _, how in scan(text, CALLS)] == ["the + operator"]


async def ask(example: Example, settings: SQLSettings | None = None) -> tuple[list[str], ...]:
    """Give the findings, and the reasons of what was declined and what failed."""
    async with Sandbox() as sandbox:
        report = await SQLAnalyzer(settings).analyze(example.analysis(), sandbox)
    assert all(finding.severity is Severity.HIGH for finding in report.findings)
    places = [f"{one.path}:{one.line}-{one.end_line}" for one in report.findings]
    return (
        places,
        sorted(reason for _, reason in report.declined),
        [reason for _, reason in report.failed],
    )


@pytest.mark.asyncio
async def test_each_file_is_examined_declined_or_failed() -> None:
    """A file that is gone and one that is no Python are declined; a broken one has failed."""
    found, declined, failed = await ask(SHOP)

    assert found == ["shop/orders.py:2-4"]
    assert declined == ["not Python", "the file is gone"]
    assert failed == ["line 1: invalid syntax"]


@pytest.mark.asyncio
async def test_the_settings_name_the_calls() -> None:
    """Other names find other calls."""
    found, _, _ = await ask(SHOP, SQLSettings(calls=("query",)))

    assert found == []


@pytest.mark.asyncio
async def test_a_bare_patch_is_declined() -> None:
    """There are no files around it to parse, which is nobody's failure."""
    async with Sandbox() as sandbox:
        report = await SQLAnalyzer().analyze(SHOP.analysis(bare=True), sandbox)

    assert report.failed == report.examined == ()
    assert len(report.declined) == len(SHOP.diff.units)
