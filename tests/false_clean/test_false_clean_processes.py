"""Reviews whose processes are killed, or find no room, or run through the program itself."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from clean_verdict import outline

from codeflow_engine import AsyncEngine, Outcome, Review
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.engine.wiring import executor
from codeflow_engine.errors import CodeflowError
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.sandbox.child import Child

TOKEN = "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"
ANALYZERS = ["secrets", "hygiene"]
PATCH = "--- a/a.py\n+++ b/a.py\n@@ -1 +1,2 @@\n import os\n+import sys\n"
MANY = 12
"""At least as many processes as a review of a repository with two scans starts."""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make a repository whose working tree adds a secret to one of many files."""
    root = tmp_path / "tree"
    root.mkdir()

    def git(*words: str) -> None:
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    for number in range(40):
        (root / f"f{number}.py").write_text("import os\n" * 50)
    git("add", ".")
    git("commit", "-qm", "first")
    for number in range(40):
        (root / f"f{number}.py").write_text("import os\n" * 25 + "x = 1\n" + "import os\n" * 25)
    (root / "f7.py").write_text(f'KEY = "{TOKEN}"\n')
    return root


@dataclass
class Killer:
    """Kills one of the processes that a sandbox starts, or the last one that it started."""

    sandbox: Sandbox
    turn: int
    """Which one, counted from 0 in the order of their starts."""

    delay: float = 0.0
    inner: bool = False
    seen: list[Child] = field(default_factory=list)
    killed: str | None = None

    async def watch(self) -> None:
        """Look for new processes at every turn of the loop."""
        while True:
            self.seen += [child for child in self.sandbox._running if child not in self.seen]
            if len(self.seen) > self.turn:
                break
            await asyncio.sleep(0)
        victim = self.seen[self.turn]
        await asyncio.sleep(self.delay)
        pid = victim._pid
        while self.inner and (below := _children(pid)):
            pid = below[-1]
        if not victim.exited.done():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.killed = victim.program


def _children(pid: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


@asynccontextmanager
async def killing(engine: AsyncEngine, killer: Killer) -> AsyncIterator[None]:
    """Have a killer about while something runs."""
    task = asyncio.create_task(killer.watch())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def review_of(tree: Path, **kill: float) -> tuple[Review | CodeflowError, Killer]:
    """Review a tree with the shipped scans while one of the processes is killed."""
    async with AsyncEngine(analyzers=ANALYZERS, plugins_allow=[]) as engine:
        await engine.isolation()  # its own trial processes are not those of a review
        given = {"delay": kill.get("delay", 0.0), "inner": bool(kill.get("inner", 0))}
        killer = Killer(engine._tools.sandbox, int(kill.get("turn", 10**6)), **given)
        async with killing(engine, killer):
            run = await engine.submit("review", {"change": str(tree)})
            try:
                ended: Review | CodeflowError = await run.result()
            except CodeflowError as error:
                ended = error
        if isinstance(ended, CodeflowError):
            assert run.status is RunStatus.FAILED
            assert str(run.record.error).startswith(type(ended).__name__)
        assert not engine._tools.sandbox._running
    return ended, killer


def _is_honest(ended: Review | CodeflowError, whole: Review, killer: Killer) -> bool:
    """Tell whether a review is whole, or says what is missing, or is an error of ours."""
    if isinstance(ended, CodeflowError):
        return bool(killer.killed) and bool(ended.message)
    if ended.outcome is Outcome.REVIEWED:
        return outline(ended) == outline(whole)
    return bool(killer.killed) and any(f"{name}: " in str(ended.reason) for name in ANALYZERS)


async def _kill_each(tree: Path, turns: Iterator[int], **kill: float) -> list[str]:
    whole, _ = await review_of(tree)
    assert isinstance(whole, Review)
    assert [finding.path for finding in whole.findings if finding.line] == ["f7.py"]
    hit = []
    for turn in turns:
        ended, killer = await review_of(tree, turn=turn, **kill)
        assert _is_honest(ended, whole, killer), (turn, killer.killed, ended)
        if len(killer.seen) <= turn:
            break  # a review does not start that many
        hit += [killer.killed] if killer.killed else []
    return [str(program) for program in hit]


async def test_a_scan_that_is_killed_is_no_clean_scan(tree: Path) -> None:
    """SIGKILL to each process of a review at its start: git, then the scans of the change."""
    before = _children(os.getpid())

    hit = await _kill_each(tree, iter(range(MANY)))

    assert any("git" in program for program in hit)
    assert any("scanning" in program for program in hit)
    assert _children(os.getpid()) == before


@pytest.mark.fault
@pytest.mark.parametrize("inner", [0, 1], ids=["guard", "program"])
@pytest.mark.parametrize("delay", [0.0, 0.01, 0.03, 0.06, 0.1, 0.2])
async def test_a_process_that_is_killed_at_any_moment_is_no_clean_scan(
    tree: Path, delay: float, inner: int
) -> None:
    """The same at later moments, for the guard of a process and for the program inside."""
    before = _children(os.getpid())

    await _kill_each(tree, iter(range(MANY)), delay=delay, inner=inner)

    assert _children(os.getpid()) == before


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system without room for another directory."""
    place = tmp_path / "full"
    place.mkdir()
    options = ["-t", "tmpfs", "-o", "size=4k,nr_inodes=1", "none", str(place)]
    if subprocess.run(["mount", *options], check=False, capture_output=True).returncode:
        pytest.skip("this user can mount nothing")
    yield place
    subprocess.run(["umount", str(place)], check=True)


async def test_a_full_disk_is_no_clean_review(full_disk: Path) -> None:
    """Without room for a private directory every scan fails, and the review with them."""
    patch = PATCH.replace("import sys", f'KEY = "{TOKEN}"')
    async with AsyncEngine(analyzers=ANALYZERS, plugins_allow=[], isolation="none") as engine:
        await engine._tools.sandbox.aclose()
        narrow = Sandbox(prefer="none", directory=full_disk)
        engine._tools = replace(engine._tools, sandbox=narrow)
        engine._executor = executor(engine._tools)
        review = await engine.review(patch)

    assert review.outcome is Outcome.FAILED
    assert "secrets: the scan" in str(review.reason)
    assert "No space left on device" in str(review.reason)


PLUGIN = """
import asyncio
from dataclasses import replace
from codeflow_engine import hookimpl
from codeflow_engine.contracts import Analyzer, AnalyzerReport
from codeflow_engine.errors import StorageFullError
from codeflow_engine.storage.memory import MemoryStorage


class Quiet(Analyzer):
    async def analyze(self, analysis, sandbox):
        return AnalyzerReport(examined=analysis.units)


class Raising(Analyzer):
    async def analyze(self, analysis, sandbox):
        raise SystemExit(0)


class Silent(Analyzer):
    async def analyze(self, analysis, sandbox):
        return AnalyzerReport()


class Hanging(Analyzer):
    async def analyze(self, analysis, sandbox):
        await asyncio.Event().wait()


class Full(MemoryStorage):
    async def put_reviews(self, tenant, reviews, findings=()):
        raise StorageFullError("no space is left")


class Losing(MemoryStorage):
    async def write(self, writes):
        if any(one.state and one.state.status == "succeeded" for one in writes):
            raise OSError("gone")
        return await super().write(writes)


@hookimpl
def codeflow_register(registry):
    for kind in (Quiet, Raising, Silent, Hanging):
        registry.add_analyzer(kind.__name__.lower(), kind)
    for kind in (Full, Losing):
        registry.add_storage(kind.__name__.lower(), kind)
"""


@pytest.mark.parametrize(
    ("status", "settings"),
    [
        (0, {"ANALYZERS": "quiet"}),
        (3, {"ANALYZERS": "quiet,raising"}),
        (3, {"ANALYZERS": "quiet", "STORAGE": "full"}),
        pytest.param(3, {"ANALYZERS": "quiet,silent"}, marks=pytest.mark.fault),
        pytest.param(
            3, {"ANALYZERS": "quiet,hanging", "ANALYZER_TIMEOUT": "0.3"}, marks=pytest.mark.fault
        ),
        pytest.param(3, {"ANALYZERS": "quiet", "STORAGE": "losing"}, marks=pytest.mark.fault),
    ],
    ids=["whole", "raising", "full", "silent", "hanging", "losing"],
)
def test_the_program_ends_with_zero_only_for_a_whole_review(
    tmp_path: Path, status: int, settings: dict[str, str]
) -> None:
    """The exit status tells a broken analyzer and a broken storage from a clean change."""
    site = tmp_path / "site"
    info = site / "codeflow_faults-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: codeflow-faults\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[codeflow_engine]\nfaults = codeflow_faults\n")
    (site / "codeflow_faults.py").write_text(PLUGIN)
    patch = tmp_path / "a.patch"
    patch.write_text(PATCH)
    # The package under test may be another one than the installed one.
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": path}

    done = subprocess.run(
        [sys.executable, "-m", "codeflow_engine.hosts.cli", "review", "--diff", str(patch)],
        env=environment | {f"CODEFLOW_{name}": value for name, value in settings.items()},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == status, done.stdout + done.stderr
