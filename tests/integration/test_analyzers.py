"""The shipped analyzers in their own processes."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from codeflow_engine import Engine
from codeflow_engine.contracts.analyzer import Analysis, Analyzer, AnalyzerReport
from codeflow_engine.domain.change import Change, FileContent
from codeflow_engine.domain.diff import Diff, Side, Unit
from codeflow_engine.providers.analyzer import keeping
from codeflow_engine.providers.analyzer.hygiene import HygieneAnalyzer, HygieneSettings
from codeflow_engine.providers.analyzer.scan import ScanLimits
from codeflow_engine.providers.analyzer.secrets import SecretsAnalyzer, SecretsSettings
from codeflow_engine.sandbox import Completed, Sandbox
from codeflow_engine.storage.memory import MemoryCache
from loop_holds import watching_loop

TOKEN = "ghp_" + "x7Kq9ZrT2mWv5LpB8nYc3HdF6jGs1QaE4uR0"
MANIFEST = (
    "--- a/go.mod\n+++ b/go.mod\n@@ -1 +1 @@\n-\texample.com/x v1.0.0\n+\texample.com/x v1.1.0\n"
)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as made:
        yield made


def new_file(path: str, text: str) -> str:
    rows = "".join(f"+{line}\n" for line in text.splitlines())
    count = len(text.splitlines())
    return (
        f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n"
        f"@@ -0,0 +1,{count} @@\n{rows}"
    )


async def unread(*_: Any) -> Any:
    raise AssertionError("no file is read")


def analysis(text: str, units: tuple[Unit, ...] | None = None, **fields: Any) -> Analysis:
    diff = Diff.parse(text)
    change = Change.from_diff(diff)
    wanted = {"change": change, "read_files": unread, "cache": MemoryCache(), **fields}
    return Analysis(units=diff.units if units is None else units, **wanted)


@pytest.mark.parametrize(
    ("analyzer", "line", "rule"),
    [
        (SecretsAnalyzer(), f"token = '{TOKEN}'", "github-token"),
        (HygieneAnalyzer(), "breakpoint()", "debugger-breakpoint"),
    ],
)
async def test_an_analyzer_finds_and_accounts(
    sandbox: Sandbox, analyzer: Analyzer, line: str, rule: str
) -> None:
    """Every unit is examined or declined, and the finding comes through whole."""
    combined = "diff --cc c.py\nindex 1111111,2222222..3333333\n--- a/c.py\n+++ b/c.py\n"
    combined += "@@@ -1,1 -1,1 +1,2 @@@\n  x\n++y\n"
    rename = "diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n"
    asked = analysis(new_file("a.py", f"x = 1\n{line}\n") + rename + combined)

    report = await analyzer.analyze(asked, sandbox)

    (finding,) = report.findings
    assert (finding.rule, finding.path, finding.line) == (rule, "a.py", 2)
    assert report.examined == asked.units[:2]
    assert [unit for unit, _ in report.declined] == [asked.units[2]]


async def test_paths_that_are_no_text_come_through(sandbox: Sandbox) -> None:
    """A finding has the path as the diff has it, byte for byte."""
    asked = analysis(new_file("a\udcff\u00e9.py", "breakpoint()"))

    report = await HygieneAnalyzer().analyze(asked, sandbox)

    assert [finding.path for finding in report.findings] == ["a\udcff\u00e9.py"]


async def test_settings_reach_the_process(sandbox: Sandbox) -> None:
    """What a host turns off is not told of."""
    removed = f"--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-t = '{TOKEN}'\n+breakpoint()\n"

    for analyzer in (
        SecretsAnalyzer(SecretsSettings(removed=False)),
        HygieneAnalyzer(HygieneSettings(leftovers=False)),
    ):
        report = await analyzer.analyze(analysis(removed), sandbox)
        assert report.findings == ()
        assert len(report.examined) == 1


async def test_an_empty_request_is_an_empty_report(sandbox: Sandbox) -> None:
    """Nothing asked, nothing said; the process ran all the same."""
    report = await SecretsAnalyzer().analyze(analysis(""), sandbox)

    assert (report.examined, report.findings) == ((), ())


async def test_a_manifest_is_told_of_where_the_tree_confirms_it(sandbox: Sandbox) -> None:
    """The analyzer asks for the lock file, after the scan and only then."""

    async def read(paths: Sequence[str], side: Side) -> tuple[FileContent, ...]:
        assert (list(paths), side) == (["go.sum"], Side.NEW)
        return (FileContent(path="go.sum", content=b"x", mode="100644"),)

    diff = Diff.parse(MANIFEST)
    change = Change(provider="git", target=".", diff=diff)

    locked = await HygieneAnalyzer().analyze(
        analysis(MANIFEST, change=change, read_files=read), sandbox
    )
    bare = await HygieneAnalyzer().analyze(analysis(MANIFEST), sandbox)

    assert [finding.rule for finding in locked.findings] == ["manifest-without-lock"]
    assert bare.findings == ()


async def test_findings_beyond_a_cap_leave_their_units_unexamined(sandbox: Sandbox) -> None:
    """The ledger says what was not shown, and so does a finding."""
    text = new_file("a.py", "breakpoint()\n" * 9) + new_file("b.py", "x = 1")
    asked = analysis(text)

    report = await HygieneAnalyzer(limits=ScanLimits(max_findings_per_file=5)).analyze(
        asked, sandbox
    )

    assert [finding.rule for finding in report.findings] == [
        *["debugger-breakpoint"] * 5,
        "too-many-findings",
    ]
    assert report.examined == asked.units[1:]


async def test_many_units_do_not_hold_up_the_loop(sandbox: Sandbox) -> None:
    """Packing units and reading answers give way to other work again and again."""
    hunks = "".join(f"@@ -{at} +{at} @@\n-x\n+y\n" for at in range(1, 60_000, 3))
    asked = analysis(f"--- a/a.txt\n+++ b/a.txt\n{hunks}")

    async with watching_loop() as hold:
        report = await HygieneAnalyzer().analyze(asked, sandbox)

    assert report.examined == asked.units
    assert hold.seconds < 0.25  # the work takes several times as long


class CountedSandbox(Sandbox):
    """A sandbox that says how often a program was started."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = 0

    async def run_python(self, module: str, *args: str, **options: Any) -> Completed:
        self.runs += 1
        return await super().run_python(module, *args, **options)


async def scan_twice(
    first: Analyzer, second: Analyzer, between: Callable[[MemoryCache], object] = lambda _: None
) -> tuple[AnalyzerReport, AnalyzerReport, int]:
    """Ask two analyzers with one cache; also tell how many processes the second started."""
    cache = MemoryCache()
    asked = analysis(new_file("a.py", f"token = '{TOKEN}'\n"), cache=cache)
    async with CountedSandbox() as sandbox:
        before = await first.analyze(asked, sandbox)
        between(cache)
        sandbox.runs = 0
        return before, await second.analyze(asked, sandbox), sandbox.runs


async def test_d25_a_scan_of_the_same_change_is_kept() -> None:
    """The second report equals the first one, and no process was started for it."""
    first, second, runs = await scan_twice(SecretsAnalyzer(), SecretsAnalyzer())

    assert (runs, second) == (0, first)
    assert [finding.rule for finding in second.findings] == ["github-token"]


@pytest.mark.parametrize(
    "other",
    [
        HygieneAnalyzer(),
        SecretsAnalyzer(SecretsSettings(removed=False)),
        SecretsAnalyzer(limits=ScanLimits(max_findings_per_file=7)),
    ],
    ids=["another scan", "other settings", "other caps"],
)
async def test_a_scan_that_differs_is_not_answered_from_the_cache(other: Analyzer) -> None:
    """What the answer depends on is in its key."""
    _, second, runs = await scan_twice(SecretsAnalyzer(), other)

    assert runs == 1
    assert second.examined


def spoil(how: Callable[[bytes], bytes]) -> Callable[[MemoryCache], None]:
    def change(cache: MemoryCache) -> None:
        for key, (value, until) in list(cache._items.items()):
            cache._items[key] = (how(value), until)

    return change


@pytest.mark.parametrize(
    "how",
    [
        lambda value: value[:-3],
        lambda _: b"garbage",
        lambda _: b"",
        lambda value: value.replace(b"github-token", b"nothing-here"),
        lambda value: value[:64] + b"[" * 100_000,
        lambda _: _sealed_for_nobody(),
    ],
    ids=["cut off", "garbage", "empty", "changed", "nested", "of another key"],
)
async def test_d25_a_spoilt_cache_is_a_miss(how: Callable[[bytes], bytes]) -> None:
    """Whatever the cache holds, the report is the one that the scan gives."""
    first, second, runs = await scan_twice(SecretsAnalyzer(), SecretsAnalyzer(), spoil(how))

    assert (runs, second) == (1, first)


def _sealed_for_nobody() -> bytes:
    return keeping._seal("analyzer:other", b'"[\\"end\\",0]\\n"')


async def test_a_kept_answer_is_checked_as_a_fresh_one() -> None:
    """An answer that is sealed and does not account for the units is no answer."""

    def forge(cache: MemoryCache) -> None:
        for key, (_, until) in list(cache._items.items()):
            data = keeping._dump('["examined",0,9]\n["end",1]\n')
            cache._items[key] = (keeping._seal(key, data), until)

    first, second, runs = await scan_twice(SecretsAnalyzer(), SecretsAnalyzer(), forge)

    assert (runs, second) == (1, first)


def test_where_an_analyzer_crashed_is_logged_without_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its author finds the place in the log; the text of the error may quote the change."""

    class Crashing(Analyzer):
        async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
            raise KeyError("text of the change")

    with (
        caplog.at_level(logging.WARNING, "codeflow_engine"),
        Engine(analyzers=[Crashing()], plugins_allow=[]) as engine,
    ):
        engine.review("--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-1\n+2\n")

    (told,) = [vars(record) for record in caplog.records]
    assert (told["analyzer"], told["error"]) == ("crashing", "KeyError")
    assert "test_analyzers.py" in told["place"]
    assert "text of the change" not in str(told)
