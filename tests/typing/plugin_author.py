"""Uses the contracts as the author of a plugin would.

mypy and pyright check it, and nothing runs it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar, assert_type, override

from codeflow_engine import Category, Change, Dismissal, Finding, Review, Severity, hookimpl
from codeflow_engine.contracts import (
    VCS,
    Analysis,
    Analyzer,
    AnalyzerCapability,
    AnalyzerReport,
    Cache,
    Observer,
    Pruned,
    Storage,
    StorageCapability,
    VCSCapability,
)
from codeflow_engine.domain.change import ChangeRequest, FileContent
from codeflow_engine.domain.diff import Diff, Side
from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.domain.finding import RawFinding
from codeflow_engine.domain.identity import KnownFinding
from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus
from codeflow_engine.errors import AnalyzerError, ChangeUnavailableError
from codeflow_engine.plugins.registry import PluginRegistry
from codeflow_engine.sandbox import Limits, Sandbox


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
        key = str(analysis.change.head)
        if key in await analysis.cache.get([key]):
            return AnalyzerReport(declined=tuple((unit, "seen") for unit in analysis.units))
        ran = await sandbox.run(["acme", "--version"], limits=Limits(timeout=5.0))
        if ran.returncode:
            raise AnalyzerError("acme does not start")
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


class AcmeForge(AcmeHost):
    """A VCS host that publishes."""

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset({VCSCapability.PUBLISH})

    @override
    async def find_effects(self, effects: Sequence[Effect]) -> tuple[Receipt, ...]:
        """Find nothing."""
        return ()

    @override
    async def deliver(self, effect: Effect) -> Receipt:
        """Write one effect."""
        return Receipt(key=effect.key, external_id="7", found=False, at=datetime.now(UTC))


class AcmeStorage(Storage):
    """A storage of runs alone, which forgets the rest."""

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset({StorageCapability.SHARED})

    def __init__(self, url: str) -> None:
        self.url: str = url
        self._runs: dict[str, RunRecord] = {}

    @override
    async def put_runs(self, runs: Sequence[RunRecord]) -> None:
        self._runs |= {run.run_id: run for run in runs}

    @override
    async def get_runs(self, tenant: str, run_ids: Sequence[str]) -> tuple[RunRecord, ...]:
        return tuple(self._runs[one] for one in run_ids if one in self._runs)

    @override
    async def find_runs(
        self, tenant: str, *, status: RunStatus | None = None, limit: int = 100
    ) -> tuple[RunRecord, ...]:
        return tuple(run for run in self._runs.values() if run.status is status)[:limit]

    @override
    async def append_events(self, tenant: str, events: Sequence[RunEvent]) -> None: ...

    @override
    async def read_events(
        self, tenant: str, run_id: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[RunEvent, ...]:
        return ()

    @override
    async def put_reviews(
        self, tenant: str, reviews: Sequence[Review], findings: Sequence[KnownFinding] = ()
    ) -> None: ...

    @override
    async def get_reviews(self, tenant: str, run_ids: Sequence[str]) -> tuple[Review, ...]:
        return ()

    @override
    async def find_findings(
        self, tenant: str, *, change: str | None = None, prefix: str = "", limit: int = 100_000
    ) -> tuple[KnownFinding, ...]:
        return ()

    @override
    async def put_dismissals(self, tenant: str, dismissals: Sequence[Dismissal]) -> None: ...

    @override
    async def find_dismissals(
        self, tenant: str, fingerprints: Collection[str] | None = None
    ) -> tuple[Dismissal, ...]:
        return ()

    @override
    async def remove_dismissals(self, tenant: str, dismissals: Sequence[Dismissal]) -> int:
        return 0

    @override
    async def prune(self, tenant: str, *, before: datetime, limit: int = 1000) -> Pruned:
        return Pruned(runs=1) + Pruned()


class AcmeCache(Cache):
    """A cache that is always empty."""

    @override
    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        return {}

    @override
    async def put(self, items: Mapping[str, bytes], *, ttl: float) -> None: ...

    @override
    async def discard(self, keys: Sequence[str]) -> None: ...


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
        registry.add_vcs("acme-forge", AcmeForge)
        registry.add_storage("acme", AcmeStorage, schemes=("acme",), handles=("acme.Client",))
        registry.add_cache("acme", AcmeCache)
        registry.add_observer("acme", AcmeObserver, contract_version=1)

    @hookimpl
    async def codeflow_run_event(self, event: RunEvent) -> None:
        """Watch."""

    @hookimpl(tryfirst=True)
    def codeflow_modify_findings(self, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """Keep them all."""
        return findings
