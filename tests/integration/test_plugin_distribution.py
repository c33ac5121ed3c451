"""Plugins as they are in the world: built as wheels, installed, and found by their metadata."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

PATCH = """\
--- a/shop.py
+++ b/shop.py
@@ -1,2 +1,3 @@
 a = 1
+b = 2  # TODO later, FIXME never
 c = 3
"""

ACME = """
from dataclasses import dataclass

import codeflow_engine as codeflow
from codeflow_engine.contracts import Analyzer, AnalyzerReport, Observer
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import RawFinding


@dataclass(frozen=True, kw_only=True)
class AcmeSettings:
    word: str = "TODO"


class Acme(Analyzer):
    def __init__(self, settings=AcmeSettings()):
        self.word = settings.word

    async def analyze(self, analysis, sandbox):
        return AnalyzerReport(
            findings=tuple(self.find(analysis)), examined=analysis.units
        )

    def find(self, analysis):
        for unit in analysis.units:
            file = analysis.change.diff.files[unit.file]
            hunk = file.hunks[unit.hunk]
            for number, row in enumerate(hunk.side(Side.NEW), hunk.numbers(Side.NEW).start):
                if self.word in row.text:
                    yield RawFinding(
                        rule="word",
                        severity=codeflow.Severity.LOW,
                        category=codeflow.Category.MAINTAINABILITY,
                        title=f"{self.word} left behind",
                        message="Do it.",
                        path=file.path,
                        line=number,
                    )


SEEN = []


@codeflow.hookimpl
def codeflow_register(registry):
    registry.add_analyzer("acme", "codeflow_acme:Acme", settings="codeflow_acme:AcmeSettings")
    registry.add_llm("acme", "codeflow_acme_sdk:Model", requires="codeflow-acme[sdk]")


@codeflow.hookimpl
async def codeflow_run_event(event):
    SEEN.append(type(event).__name__)


@codeflow.hookimpl
def codeflow_modify_findings(findings):
    from dataclasses import replace
    return tuple(replace(one, title=one.title.upper()) for one in findings)
"""

OFFER = """
import codeflow_engine

@codeflow_engine.hookimpl
def codeflow_register(registry):
    registry.add_analyzer({0!r}, "codeflow_acme:Acme", contract_version={1})
"""

DISTRIBUTIONS: dict[str, tuple[str, str]] = {
    "codeflow-acme": ("codeflow_acme", ACME),
    "codeflow-broken": ("codeflow_broken", "import codeflow_broken_dependency\n"),
    "codeflow-future": ("codeflow_future", OFFER.format("future", 9)),
    "codeflow-twin-a": ("codeflow_twin_a", OFFER.format("twin", 1)),
    "codeflow-twin-b": ("codeflow_twin_b", OFFER.format("twin", 1)),
    "codeflow-squatter": ("codeflow_squatter", OFFER.format("secrets", 1)),
}

REPORT = """
    import json, sys
    import codeflow_engine as codeflow
    from codeflow_engine.errors import CodeflowError

    def short(review):
        return {"outcome": review.outcome, "reason": review.reason,
                "findings": [[one.rule, one.line, one.title] for one in review.findings],
                "by": review.coverage.entries[0].by}

    told = {}
    with codeflow.Engine() as engine:
        told["offers"] = [[str(one.kind), one.name, one.origin] for one in engine.plugins.backends
                          if one.origin != "shipped"]
        told["failures"] = [[one.origin, type(one.error).__name__, one.error.message]
                            for one in engine.plugins.failures]
        told["problems"] = {
            f"{one.kind} {one.name}": type(engine.plugins.problem(one)).__name__
            for one in engine.plugins.backends if one.origin != "shipped"}
        for name in NAMES:
            try:
                told[name] = short(engine.review(PATCH, analyzers=[name]))
            except CodeflowError as error:
                told[name] = [type(error).__name__, error.message]
        told["all"] = short(engine.review(PATCH))
    told["imported"] = sorted(name for name in sys.modules if name.startswith("codeflow_")
                              and not name.startswith("codeflow_engine"))
    told["seen"] = sorted(set(getattr(sys.modules.get("codeflow_acme"), "SEEN", ())))
    print(json.dumps(told))
"""


def build_wheel(folder: Path, name: str, module: str, source: str) -> Path:
    """Write a wheel by hand (packaging.python.org, "Binary distribution format")."""
    stem = f"{name.replace('-', '_')}-1.0"
    files = {
        f"{module}.py": source,
        f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{stem}.dist-info/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
        f"{stem}.dist-info/entry_points.txt": f"[codeflow_engine]\nplugin = {module}\n",
    }
    record = f"{stem}.dist-info/RECORD"
    files[record] = "".join(f"{path},{digest(text)}\n" for path, text in files.items())
    files[record] += f"{record},,\n"
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return path


def digest(text: str) -> str:
    data = text.encode()
    value = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"sha256={value},{len(data)}"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Build a wheel of every distribution."""
    folder = tmp_path_factory.mktemp("wheels")
    return {
        name: build_wheel(folder, name, module, source)
        for name, (module, source) in DISTRIBUTIONS.items()
    }


@pytest.fixture(scope="module")
def site(wheels: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack all wheels into a directory, as an installer does."""
    path = tmp_path_factory.mktemp("site")
    for wheel in wheels.values():
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(path)
    return path


def run_python(site: Path, script: str, **environment: str) -> str:
    """Run a script in a process of its own, with a directory on the path of imports."""
    foreign = ("CODEFLOW_", "XDG_")
    usual = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    home = {"HOME": str(site), "PYTHONPATH": str(site)}
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        env={**usual, **home, **environment},
        cwd=site.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    return ended.stdout


def report(site: Path, *names: str, **environment: str) -> dict[str, Any]:
    """Ask an engine in another process for its plugins, and review with some analyzers."""
    header = f"    PATCH = {PATCH!r}\n    NAMES = {names!r}\n"
    told: dict[str, Any] = json.loads(run_python(site, header + REPORT, **environment))
    return told


@pytest.fixture(scope="module")
def told(site: Path) -> dict[str, Any]:
    """Tell what an engine makes of all distributions side by side."""
    return report(site, "acme", "twin", "future", "secrets")


def test_s30_an_installed_plugin_works_beside_broken_ones(told: dict[str, Any]) -> None:
    """Its analyzer, its observer and its modification of findings are in use."""
    assert ["analyzer", "acme", "codeflow-acme 1.0 (plugin)"] in told["offers"]
    assert told["acme"] == {
        "outcome": "reviewed",
        "reason": None,
        "findings": [["acme/word", 2, "TODO LEFT BEHIND"]],
        "by": ["acme"],
    }
    assert {"RunStarted", "AnalyzerFinished", "RunFinished"} <= set(told["seen"])


def test_s30_each_broken_distribution_is_told_with_its_reason(told: dict[str, Any]) -> None:
    """One that fails at import, one for another contract, a second owner, and a squatter."""
    failures = {origin: (kind, message) for origin, kind, message in told["failures"]}

    assert sorted(failures) == [
        "codeflow-broken 1.0 (plugin)",
        "codeflow-future 1.0 (plugin)",
        "codeflow-squatter 1.0 (plugin)",
        "codeflow-twin-b 1.0 (plugin)",
    ]
    broken = failures["codeflow-broken 1.0 (plugin)"]
    assert broken[0] == "PluginError"
    assert "No module named 'codeflow_broken_dependency'" in broken[1]
    assert "contract version 9" in failures["codeflow-future 1.0 (plugin)"][1]
    assert failures["codeflow-squatter 1.0 (plugin)"][0] == "PluginConflictError"


def test_two_distributions_that_own_one_name_are_named_when_it_is_asked_for(
    told: dict[str, Any],
) -> None:
    """The review with it fails in every unit, and one with all analyzers is not complete."""
    owners = "offered by codeflow-twin-a 1.0 (plugin) and codeflow-twin-b 1.0 (plugin)"

    assert told["twin"]["outcome"] == "failed"
    assert owners in told["twin"]["reason"]
    assert told["all"]["outcome"] == "partial"
    assert owners in told["all"]["reason"]
    assert {"acme", "secrets"} <= set(told["all"]["by"])


def test_what_is_not_in_use_is_unknown_by_its_name(told: dict[str, Any]) -> None:
    """An analyzer for another contract version cannot be asked for."""
    kind, message = told["future"]

    assert kind == "UnknownBackendError"
    assert "no analyzer is named 'future'" in message


def test_s30_a_shipped_analyzer_stays_the_shipped_one(told: dict[str, Any]) -> None:
    """A distribution that offers the same name does not get between."""
    assert told["secrets"]["outcome"] == "reviewed"
    assert told["secrets"]["findings"] == []


def test_a_backend_without_its_package_is_told_as_such(told: dict[str, Any]) -> None:
    """Nothing heavy is loaded before it is asked for, so the plugin is in use without it."""
    assert told["problems"]["llm acme"] == "MissingDependencyError"
    assert told["problems"]["analyzer acme"] == "NoneType"
    assert told["problems"]["analyzer twin"] == "PluginConflictError"


def test_s30_only_what_is_allowed_is_imported(site: Path) -> None:
    """With a list of one, the others leave no trace in the process."""
    told = report(site, "acme", CODEFLOW_PLUGINS_ALLOW="Codeflow_Acme")

    assert told["failures"] == []
    assert told["imported"] == ["codeflow_acme"]
    assert told["acme"]["by"] == ["acme"]
    assert told["all"]["outcome"] == "reviewed"


def test_an_installed_plugin_takes_its_settings_from_the_environment(site: Path) -> None:
    """The section is validated into the plugin's own type, in the plugin's process."""
    told = report(
        site, "acme", CODEFLOW_PLUGINS_ALLOW="codeflow-acme", CODEFLOW_PLUGINS__ACME__WORD="FIXME"
    )

    assert told["acme"]["findings"] == [["acme/word", 2, "FIXME LEFT BEHIND"]]


def test_what_pip_installs_is_found(wheels: Mapping[str, Path], tmp_path: Path) -> None:
    """With the metadata that pip writes, and gone again when the files are."""
    if importlib.util.find_spec("pip") is None:
        pytest.skip("this environment has no pip")
    site = tmp_path / "installed"
    command = [sys.executable, "-m", "pip", "--isolated", "install", "--quiet", "--no-index"]
    command += ["--no-deps", "--disable-pip-version-check", "--no-compile", "--target", str(site)]
    subprocess.run([*command, str(wheels["codeflow-acme"])], check=True, timeout=120)

    told = report(site, "acme")
    info = site / "codeflow_acme-1.0.dist-info"

    assert (info / "INSTALLER").read_text().strip() == "pip"
    assert ["analyzer", "acme", "codeflow-acme 1.0 (plugin)"] in told["offers"]
    assert told["failures"] == []
    assert told["acme"]["findings"] == [["acme/word", 2, "TODO LEFT BEHIND"]]
    for file in info.iterdir():
        file.unlink()
    assert report(site)["offers"] == []


def test_two_engines_of_one_process_have_plugins_of_their_own(site: Path) -> None:
    """Each makes its own backends, from what it allows, and no module holds any of it."""
    script = f"""
        import codeflow_engine as codeflow
        from codeflow_engine.contracts import Analyzer

        PATCH = {PATCH!r}
        with codeflow.Engine(plugins_allow=["codeflow-acme"]) as first, \\
                codeflow.Engine(plugins_allow=[]) as second, \\
                codeflow.Engine(plugins_allow=["codeflow-acme"]) as third:
            names = [{{one.name for one in engine.plugins.backends}} for engine in
                     (first, second, third)]
            assert "acme" in names[0] and "acme" not in names[1] and "acme" in names[2]
            made = [engine._engine._backends.get(Analyzer, "acme") for engine in (first, third)]
            assert made[0] is not made[1]
            assert first.review(PATCH, analyzers=["acme"]).findings
    """

    assert run_python(site, script) == ""
