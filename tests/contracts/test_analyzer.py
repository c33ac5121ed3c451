"""The suite of analyzers holds for every one that ships."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from codeflow_engine.contracts import Analyzer, AnalyzerCapability
from codeflow_engine.domain.finding import Category, RawFinding, Severity
from codeflow_engine.providers.analyzer.bandit import BanditAnalyzer, BanditSettings
from codeflow_engine.providers.analyzer.hygiene import HygieneAnalyzer
from codeflow_engine.providers.analyzer.imported import ImportedAnalyzer, ImportedSettings
from codeflow_engine.providers.analyzer.ruff import RuffAnalyzer, RuffSettings
from codeflow_engine.providers.analyzer.secrets import SecretsAnalyzer, SecretsSettings
from codeflow_engine.testing.contracts import AnalyzerContract, Expected
from codeflow_engine.testing.examples import named
from codeflow_engine.testing.fakes import FakeAnalyzer

type Create = Callable[[], Analyzer]

TILL = "shop/till.py"


def expect(name: str, path: str, rule: str, line: int | None) -> Expected:
    return Expected(example=named(name), path=path, rule=rule, line=line)


def finding(path: str) -> RawFinding:
    return RawFinding(
        rule="told",
        severity=Severity.LOW,
        category=Category.STYLE,
        title="Told to",
        message="It was told to find this.",
        path=path,
        line=24,
        quote="shell=True",
    )


class ReadingAnalyzer(FakeAnalyzer):
    capabilities = frozenset({AnalyzerCapability.READS_FILES})


class TestFakeAnalyzer(AnalyzerContract):
    @pytest.fixture
    def create(self) -> Create:
        return lambda: FakeAnalyzer(finding(TILL), finding(f"edit/{TILL}"))

    @pytest.fixture
    def create_other(self) -> Create:
        return FakeAnalyzer

    @pytest.fixture
    def finds(self) -> Sequence[Expected]:
        return [expect("edit", TILL, "told", 24)]


class TestReadingFakeAnalyzer(TestFakeAnalyzer):
    @pytest.fixture
    def create(self) -> Create:
        return lambda: ReadingAnalyzer(finding(TILL), finding(f"edit/{TILL}"))


class TestSecrets(AnalyzerContract):
    @pytest.fixture
    def create(self) -> Create:
        return SecretsAnalyzer

    @pytest.fixture
    def create_other(self) -> Create:
        return lambda: SecretsAnalyzer(SecretsSettings(removed=False))

    @pytest.fixture
    def finds(self) -> Sequence[Expected]:
        return [
            expect("secrets", "settings.env", "github-token", 2),
            expect("secrets", "deploy.py", "removed-secret", 4),
        ]


class TestHygiene(AnalyzerContract):
    @pytest.fixture
    def create(self) -> Create:
        return HygieneAnalyzer

    @pytest.fixture
    def finds(self) -> Sequence[Expected]:
        return [
            expect("edit", TILL, "debugger-breakpoint", 26),
            expect("hostile-text", "a.py", "bidi-control", 1),
            expect("odd-names", "tab\there.py", "hidden-character-in-name", None),
        ]


class TestRuff(AnalyzerContract):
    @pytest.fixture
    def create(self) -> Create:
        return RuffAnalyzer

    @pytest.fixture
    def create_other(self) -> Create:
        return lambda: RuffAnalyzer(RuffSettings(ignore=("E722",)))

    @pytest.fixture
    def finds(self) -> Sequence[Expected]:
        return [
            expect("edit", TILL, "E722", 25),
            expect("syntax-errors", "was-fine.py", "invalid-syntax", 2),
        ]


# It starts two processes for each look; in the default run ruff stands for such tools.
@pytest.mark.fault
class TestBandit(AnalyzerContract):
    @pytest.fixture
    def create(self) -> Create:
        return BanditAnalyzer

    @pytest.fixture
    def create_other(self) -> Create:
        return lambda: BanditAnalyzer(BanditSettings(ignore=("B404",)))

    @pytest.fixture
    def finds(self) -> Sequence[Expected]:
        return [expect("edit", TILL, "B602", 24)]


class TestImported(AnalyzerContract):
    @pytest.fixture
    def create(self, tmp_path: Path) -> Create:
        report = tmp_path / "report.json"
        report.write_text(json.dumps(_report("edit/" + TILL, TILL)), "utf-8")
        return lambda: ImportedAnalyzer(ImportedSettings(reports=(str(report),)))

    @pytest.fixture
    def create_other(self) -> Create:
        return ImportedAnalyzer

    @pytest.fixture
    def finds(self) -> Sequence[Expected]:
        return [expect("edit", TILL, "Acme/R1", 25)]


def _report(*paths: str) -> object:
    results = [
        {
            "ruleId": "R1",
            "message": {"text": "It is wrong."},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": path},
                        "region": {"startLine": 25},
                    }
                }
            ],
        }
        for path in paths
    ]
    run = {"tool": {"driver": {"name": "Acme", "rules": []}}, "results": results}
    return {"version": "2.1.0", "runs": [run]}
