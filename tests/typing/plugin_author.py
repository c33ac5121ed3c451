"""Uses the contracts as the author of a plugin would; mypy checks it, and nothing runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, assert_type

from codeflow_engine import Category, Change, Finding, Severity, hookimpl
from codeflow_engine.contracts import (
    VCS,
    Analysis,
    Analyzer,
    AnalyzerCapability,
    AnalyzerReport,
    Observer,
)
from codeflow_engine.domain.change import ChangeRequest, FileContent
from codeflow_engine.domain.diff import Diff, Side
from codeflow_engine.domain.finding import RawFinding
from codeflow_engine.domain.run import RunEvent
from codeflow_engine.errors import ChangeUnavailableError
from codeflow_engine.plugins.registry import PluginRegistry
from codeflow_engine.sandbox import Sandbox


@dataclass(frozen=True, kw_only=True)
class AcmeSettings:
    """Settings of the analyzer."""

    words: tuple[str, ...] = ()


class AcmeAnalyzer(Analyzer):
    """An analyzer with settings, which reads files."""

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset({AnalyzerCapability.READS_FILES})

    def __init__(self, settings: AcmeSettings | None = None) -> None:
        self._settings = settings or AcmeSettings()

    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        """Read each file of the new side."""
        paths = [file.path for file in analysis.change.diff.files]
        contents = await analysis.read_files(paths, Side.NEW)
        assert_type(contents, tuple[FileContent, ...])
        found = [self._look(content) for content in contents if content.content is not None]
        return AnalyzerReport(findings=tuple(found), examined=analysis.units)

    def _look(self, content: FileContent) -> RawFinding:
        return RawFinding(
            rule="word",
            severity=Severity.INFO,
            category=Category.STYLE,
            title="a word",
            message="Another word would do.",
            path=content.path,
            quote=self._settings.words[0],
        )


class AcmeHost(VCS):
    """A VCS host without the capability to publish."""

    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        """Give an empty change."""
        if not request.target:
            raise ChangeUnavailableError("no target was named")
        return Change.from_diff(Diff.parse(b""))

    async def read_files(
        self, change: Change, paths: Sequence[str], *, side: Side, limit: int, sandbox: Sandbox
    ) -> tuple[FileContent, ...]:
        """Have no file."""
        return tuple(FileContent(path=path, reason="absent") for path in paths)


class AcmeObserver(Observer):
    """An observer."""

    async def on_event(self, event: RunEvent) -> None:
        """Take note."""
        assert_type(event.run_id, str)


class Plugin:
    """Every hook, once as a method of an object."""

    @hookimpl
    def codeflow_register(self, registry: PluginRegistry) -> None:
        """Offer by class and by import string."""
        registry.add_analyzer("acme", AcmeAnalyzer, settings=AcmeSettings)
        registry.add_vcs("acme", "codeflow_acme:AcmeHost", requires="codeflow-acme[sdk]")
        registry.add_observer("acme", AcmeObserver, contract_version=1)

    @hookimpl
    async def codeflow_run_event(self, event: RunEvent) -> None:
        """Watch."""

    @hookimpl(tryfirst=True)
    def codeflow_modify_findings(self, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """Keep them all."""
        return findings
