"""What tests of the command line share: repositories, patches, a plugin, and runs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

TOKEN = "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"
CLEAN = "+++ b/a.py\n@@ -1 +1,2 @@\n import os\n+import sys\n"
CLEAN_PATCH = f"--- a/a.py\n{CLEAN}"
LEAK_PATCH = CLEAN_PATCH.replace("import sys", f'KEY = "{TOKEN}"')

_HOME = tempfile.TemporaryDirectory(prefix="codeflow-home-")
"""Where the program keeps its history; gone when the tests end."""

PLUGIN = '''
"""Analyzers that do what tests need."""

from codeflow_engine import hookimpl
from codeflow_engine.contracts import Analyzer, AnalyzerReport
from codeflow_engine.domain.finding import Category, RawFinding, Severity
from codeflow_engine.errors import AnalyzerError
from codeflow_engine.sandbox import Limits


class Quiet(Analyzer):
    """Examines everything and finds nothing."""

    async def analyze(self, analysis, sandbox):
        return AnalyzerReport(examined=analysis.units)


class Low(Analyzer):
    """Finds one thing of low severity, and describes it with hostile text."""

    async def analyze(self, analysis, sandbox):
        found = RawFinding(
            rule="low",
            severity=Severity.LOW,
            category=Category.STYLE,
            title="Low \\x1b[31m",
            message="Message \\x1b]52;c;aGk=\\x07 \\u202e",
            path=analysis.change.diff.files[0].path,
        )
        return AnalyzerReport(findings=(found,), examined=analysis.units)


class Broken(Analyzer):
    """Fails."""

    async def analyze(self, analysis, sandbox):
        raise AnalyzerError("broken on purpose")


class Idle(Analyzer):
    """Takes nothing for its business."""

    async def analyze(self, analysis, sandbox):
        return AnalyzerReport(declined=tuple((unit, "not mine") for unit in analysis.units))


class Slow(Analyzer):
    """Runs a program that does not end by itself."""

    async def analyze(self, analysis, sandbox):
        print("started", file=open("{mark}", "w"))
        await sandbox.run(["sleep", "{seconds}"], limits=Limits(timeout=100))
        return AnalyzerReport(examined=analysis.units)


@hookimpl
def codeflow_register(registry):
    for kind in (Quiet, Low, Broken, Idle, Slow):
        registry.add_analyzer(kind.__name__.lower(), kind)
    registry.add_analyzer("absent", "no_such_module:Absent", requires="codeflow-absent[sdk]")
'''


def install_plugin(folder: Path, *, code: str = PLUGIN, seconds: str = "60") -> Path:
    """Lay out an installed distribution with one plugin; return its directory."""
    site = folder / "site"
    info = site / "codeflow_tests-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: codeflow-tests\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[codeflow_engine]\ntests = codeflow_tests\n")
    mark = str(folder / "started")
    module = code.replace("{mark}", mark).replace("{seconds}", seconds)
    (site / "codeflow_tests.py").write_text(module)
    return site


def use_plugin(monkeypatch: pytest.MonkeyPatch, site: Path) -> None:
    """Let this process find an installed plugin until the test ends."""
    monkeypatch.syspath_prepend(site)
    # Another test's plugin of the same name may have been imported before.
    monkeypatch.delitem(sys.modules, "codeflow_tests", raising=False)


def environment(*, site: Path | None = None, **variables: str) -> dict[str, str]:
    """Make an environment with a home of the tests and no setting of ours."""
    kept = {"PATH": os.environ["PATH"], "HOME": _HOME.name, "LANG": "C.UTF-8"}
    path = {} if site is None else {"PYTHONPATH": str(site)}
    return kept | path | variables


def codeflow(
    *words: str,
    stdin: bytes = b"",
    cwd: Path | None = None,
    site: Path | None = None,
    **variables: str,
) -> subprocess.CompletedProcess[bytes]:
    """Run the program in a process of its own and wait for it."""
    return subprocess.run(
        [sys.executable, "-m", "codeflow_engine.hosts.cli", *words],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env=environment(site=site, **variables),
        check=False,
        timeout=60,
    )


def git(repository: Path, *words: str) -> str:
    """Run git in a repository, away from any configuration of this machine."""
    names = {"name": "Ada", "email": "ada@example.org"}
    config = [word for key, value in names.items() for word in ("-c", f"user.{key}={value}")]
    done = subprocess.run(
        ["git", *config, "-c", "init.defaultBranch=main", *words],
        cwd=repository,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def make_repository(folder: Path) -> Path:
    """Make a repository with one commit of `a.py`."""
    repository = folder / "repository"
    repository.mkdir()
    git(repository, "init", "-q")
    commit(repository, "first", {"a.py": "import os\n"})
    return repository


def commit(repository: Path, message: str, files: dict[str, str]) -> str:
    """Write files, commit them, and return the commit's id."""
    for name, content in files.items():
        (repository / name).write_text(content)
    git(repository, "add", ".")
    git(repository, "commit", "-qm", message)
    return git(repository, "rev-parse", "HEAD")
