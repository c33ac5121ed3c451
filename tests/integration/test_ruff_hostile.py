"""Ruff and bandit over changes that try to reach further, and tools that lie."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from git_trees import Tree
from tool_changes import WatchedSandbox, analysis_of, fates, rules

from codeflow_engine import Engine, Outcome
from codeflow_engine.contracts.analyzer import Analyzer
from codeflow_engine.errors import SandboxError, SandboxTimeoutError
from codeflow_engine.providers.analyzer.bandit import BanditAnalyzer
from codeflow_engine.providers.analyzer.ruff import RuffAnalyzer
from codeflow_engine.providers.analyzer.tools import ToolLimits
from codeflow_engine.sandbox import Completed

BOTH = pytest.mark.parametrize("tool", [RuffAnalyzer, BanditAnalyzer])
PROOF = "raise SystemExit('the change was executed')\n"
BAD = "import os\n\n\ndef f(x):\n    return eval(x)\n"


def hostile(tree: Tree, outside: Path) -> None:
    """Write every trick that a tool over a checkout could fall for."""
    names = ("json", "yaml", "ast", "ruff", "bandit", "sitecustomize", "conftest", "setup")
    files: dict[str, str | bytes] = {f"{name}.py": PROOF for name in names}
    for name in ("", "pkg/"):
        files |= {
            f"{name}ruff.toml": f"extend = '{outside}'\nexclude = ['*']\n",
            f"{name}.ruff.toml": f"extend = '{outside}'\n",
            f"{name}pyproject.toml": f"[tool.ruff]\nextend = '{outside}'\n"
            "[tool.bandit]\nskips=['B307']\n",
            f"{name}.bandit": "[bandit]\nskips: B307\nexclude: *\n",
            f"{name}setup.cfg": "[bandit]\nskips: B307\n",
            f"{name}bandit.yaml": "skips: ['B307']\n",
            f"{name}.gitignore": "*.py\n",
        }
    files |= {"pkg/bad.py": BAD, "-rf.py": BAD, "--config=x.py": BAD, "build/bad.py": BAD}
    files |= {"line\nbreak.py": BAD, "\x1b]52;c;x\x07.py": BAD, "@args.py": BAD, "a b'\".py": BAD}
    tree.write(files)
    tree.write({b"not-utf8-\xff.py".decode("utf-8", "surrogateescape"): BAD})
    tree.link("leak.py", outside)
    tree.link("passwd.py", "/etc/passwd")
    tree.link("loop.py", "loop.py")
    tree.link("pkg/up", "..")
    tree.link("proc.py", "/proc/self/environ")


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    place = tmp_path_factory.mktemp("hostile")
    outside = place / "outside.py"
    outside.write_text("HOST_SECRET = eval('xyzzy-plugh')\nimport xyzzy_module\n", "utf-8")
    tree = Tree.make(place / "tree")
    tree.commit({"README": "x\n"})
    hostile(tree, outside)
    tree.git("add", "--all", "--force")
    tree.git("commit", "--quiet", "--message", "Change")
    with Engine() as engine:
        yield engine.review(str(tree.path), head="HEAD", analyzers=["ruff", "bandit"])


def test_s16_no_configuration_of_the_change_is_read(reviewed: Any) -> None:
    """Excludes, skips, extends and modules of the change neither run nor silence anything."""
    told = {(one.path, one.rule) for one in reviewed.findings}

    for path in (
        "pkg/bad.py",
        "-rf.py",
        "--config=x.py",
        "build/bad.py",
        "line\nbreak.py",
        "@args.py",
    ):
        assert {(path, "ruff/F401"), (path, "bandit/B307")} <= told
    assert not any("executed" in one.message for one in reviewed.findings)


def test_s16_s18_nothing_outside_of_the_change_comes_in(reviewed: Any) -> None:
    """Neither a link nor `extend` brings a file of the host into the review."""
    text = json.dumps(reviewed.to_json())

    assert "xyzzy" not in text
    assert "root:" not in text
    links = {
        entry.path: entry
        for entry in reviewed.coverage.entries
        if entry.path in {"leak.py", "passwd.py", "loop.py", "proc.py"}
    }
    assert len(links) == 4
    assert {entry.state.value for entry in links.values()} == {"skipped"}
    assert all("not followed" in str(entry.reason) for entry in links.values())


def test_s8_s9_names_of_any_kind_come_back_as_they_are(reviewed: Any) -> None:
    """Findings name the paths of the change, and no private copy."""
    paths = {entry.path for entry in reviewed.coverage.entries}

    assert {one.path for one in reviewed.findings} <= paths
    assert {"line\nbreak.py", "\x1b]52;c;x\x07.py", "a b'\".py"} <= {
        one.path for one in reviewed.findings
    }
    for one in reviewed.findings:
        assert "module.py" not in one.message + one.title
        assert (one.message + one.title).isprintable()


HOSTILE_NAMES = [
    "../../etc/cron.d/x.py",
    "/etc/x.py",
    "-c.py",
    "a\nb.py",
    "\x1b[31m.py",
    "a/../b.py",
    "\udcff.py",
    "json.py",
    "sitecustomize.py",
    "CON.py",
    "x" * 3000 + ".py",
]


@BOTH
async def test_s9_s18_a_copy_has_nothing_of_the_name_of_its_file(
    tool: Callable[[], Analyzer],
) -> None:
    """Copies lie under neutral names in a directory of their own, and no argument is a name."""
    asked = analysis_of({name: BAD.encode() for name in HOSTILE_NAMES})
    async with WatchedSandbox() as sandbox:
        report = await tool().analyze(asked, sandbox)

    assert report.examined == asked.units
    assert {one.path for one in report.findings} == set(HOSTILE_NAMES)
    copies = [name for copies in sandbox.copies for name in copies]
    assert sorted(copies) == sorted(f"{at}/module.py" for at in range(len(copies)))
    for words in sandbox.runs:
        place = words.index("--") + 1
        assert all(word.endswith("/module.py") and word.startswith("/") for word in words[place:])


@BOTH
async def test_s17_the_tool_runs_with_nothing_of_the_host(
    tool: Callable[[], Analyzer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither environment nor working directory of the host configures it."""
    (tmp_path / "ruff.toml").write_text("broken", "utf-8")
    (tmp_path / "json.py").write_text(PROOF, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUFF_CONFIG", "/nonexistent")
    monkeypatch.setenv("RUFF_OUTPUT_FORMAT", "full")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    asked = analysis_of({"a.py": BAD.encode()})
    async with WatchedSandbox() as sandbox:
        report = await tool().analyze(asked, sandbox)

    assert report.examined == asked.units
    assert report.findings


@pytest.mark.fault
@BOTH
@pytest.mark.parametrize(
    "content",
    [
        b"x = 1\n" * 3_500_000,
        b"x = [" + b"[" * 50_000 + b"\n",
        b"if x:\n " * 20_000,
        b"x = '" + b"a" * 1_900_000,
    ],
    ids=["20 MB", "nested", "indented", "one line"],
)
async def test_s20_a_bomb_among_the_files_ends_in_time(
    tool: Callable[[], Analyzer], content: bytes
) -> None:
    """It is examined or failed with a reason; the file beside it keeps its findings."""
    files = {"bomb.py": content, "good.py": BAD.encode()}
    asked = analysis_of(
        files, diff=analysis_of({"bomb.py": b"", "good.py": BAD.encode()}).change.diff.data
    )
    async with WatchedSandbox() as sandbox, asyncio.timeout(60):
        report = await tool().analyze(asked, sandbox)

    told = fates(asked, report)
    assert told["bomb.py"] == "examined" or told["bomb.py"].startswith("failed: ")
    assert told["good.py"] == "examined"


def completed(stdout: bytes = b"", stderr: bytes = b"", code: int = 0) -> Completed:
    return Completed(returncode=code, stdout=stdout, stderr=stderr, duration=0.1)


def spoilt(how: Callable[[Completed], Completed]) -> Callable[[Any], Any]:
    return lambda _: how


def in_json(how: Callable[[Any], Any]) -> Callable[[Completed], Completed]:
    def change(done: Completed) -> Completed:
        answer = json.loads(done.stdout)
        how(answer)
        return replace(done, stdout=json.dumps(answer).encode())

    return change


LIES: dict[str, tuple[type[Analyzer], Callable[[Any], Any], str]] = {
    "ruff silent": (RuffAnalyzer, lambda _: completed(), "did not account for all files"),
    "ruff status": (RuffAnalyzer, lambda _: completed(code=2), "ruff ended with status 2"),
    "ruff killed": (RuffAnalyzer, lambda _: completed(code=-9), "ruff ended with SIGKILL"),
    "ruff cut off": (
        RuffAnalyzer,
        spoilt(lambda done: replace(done, stdout=done.stdout[:-1])),
        "cut off",
    ),
    "ruff one less": (
        RuffAnalyzer,
        spoilt(
            lambda done: replace(done, stderr=done.stderr.replace(b"0/module.py", b"9/module.py"))
        ),
        "did not account for all files",
    ),
    "ruff no JSON": (
        RuffAnalyzer,
        spoilt(lambda done: replace(done, stdout=b"x\n")),
        "unknown form",
    ),
    "ruff foreign file": (
        RuffAnalyzer,
        spoilt(lambda done: replace(done, stdout=done.stdout.replace(b"0/module", b"8/module"))),
        "unknown form",
    ),
    "ruff impossible line": (
        RuffAnalyzer,
        spoilt(lambda done: replace(done, stdout=done.stdout.replace(b'"row":1', b'"row":77'))),
        "a finding that cannot be",
    ),
    "bandit silent": (BanditAnalyzer, lambda _: completed(), "unknown form"),
    "bandit status": (
        BanditAnalyzer,
        lambda _: completed(b"{}", code=1),
        "bandit ended with status 1",
    ),
    "bandit cut off": (
        BanditAnalyzer,
        spoilt(lambda done: replace(done, stdout=done.stdout[:-9])),
        "unknown form",
    ),
    "bandit one less": (
        BanditAnalyzer,
        spoilt(in_json(lambda answer: answer["metrics"].pop(answer["results"][0]["filename"]))),
        "did not account for all files",
    ),
    "bandit no errors": (
        BanditAnalyzer,
        spoilt(in_json(lambda answer: answer.pop("errors"))),
        "unknown form",
    ),
    "bandit foreign file": (
        BanditAnalyzer,
        spoilt(in_json(lambda answer: answer["results"][0].update(filename="/etc/passwd"))),
        "unknown form",
    ),
    "bandit impossible line": (
        BanditAnalyzer,
        spoilt(in_json(lambda answer: answer["results"][0].update(line_number=0, line_range=[0]))),
        "a finding that cannot be",
    ),
    "not started": (RuffAnalyzer, lambda _: SandboxError("no such program"), "no such program"),
    "hanging": (
        BanditAnalyzer,
        lambda _: SandboxTimeoutError("it ran past its 30 s"),
        "past its 30 s",
    ),
}


DEAR = ("bandit cut off", "bandit one less", "bandit no errors", "bandit foreign file")
"""Each is one more answer of a program that takes a second to start."""


@pytest.mark.fault
@pytest.mark.parametrize(
    "lie", [pytest.param(lie, marks=pytest.mark.fault) if lie in DEAR else lie for lie in LIES]
)
async def test_a_tool_that_lies_or_dies_is_never_a_clean_result(lie: str) -> None:
    """Every file that the process was given fails with the reason; nothing of it is kept."""
    tool, answer, told = LIES[lie]
    asked = analysis_of({"a.py": BAD.encode(), "b.py": BAD.encode()})
    async with WatchedSandbox(answer) as sandbox:
        report = await tool().analyze(asked, sandbox)
        assert (report.findings, report.examined) == ((), ())
        assert all(told in reason for _, reason in report.failed), report.failed
        assert len(report.failed) == 2
    async with WatchedSandbox() as honest:
        again = await tool().analyze(asked, honest)

    assert len(honest.runs) == 1, "a failure is not kept"
    assert again.examined == asked.units


@BOTH
async def test_a_process_that_fails_takes_only_its_own_files_along(tool: type[Any]) -> None:
    """The other batches keep their results, whichever ends first."""
    files = {f"f{at}.py": BAD.encode() + b"# " + b"x" * 300_000 for at in range(4)}
    asked = analysis_of(files)
    seen: list[list[str]] = []

    def answer(paths: list[str]) -> Any:
        seen.append(paths)
        return SandboxTimeoutError("hung") if len(seen) == 1 else lambda done: done

    async with WatchedSandbox(answer) as sandbox:
        report = await tool(limits=ToolLimits(processes=2)).analyze(asked, sandbox)

    told = sorted(fates(asked, report).values())
    assert len(seen) == 4
    assert told == ["examined", "examined", "examined", "failed: hung"]


async def test_a_review_with_a_broken_tool_is_partial() -> None:
    """The ledger of the whole review tells what the tool could not examine."""
    with Engine() as engine:
        review = engine.review(
            "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n+y\n", analyzers=["bandit"]
        )

    assert review.outcome is Outcome.SKIPPED
    assert "a bare patch has no files around it" in review.reason


@BOTH
@pytest.mark.fault
async def test_the_order_of_processes_does_not_show(tool: type[Any]) -> None:
    """One process or several, the report is the same."""
    files = {f"p/f{at}.py": BAD.encode() + b"# " + b"x" * (at * 150_000) for at in range(4)}

    reports = []
    for processes in (1, 3):
        async with WatchedSandbox() as sandbox:
            one = tool(limits=ToolLimits(processes=processes))
            reports.append(await one.analyze(analysis_of(files), sandbox))

    assert reports[0] == reports[1]
    assert len(rules(reports[0])) >= 4
