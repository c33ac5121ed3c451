"""Every test of the suite of analyzers fails for a shipped analyzer that is broken."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from mutation import struck, unbroken

from codeflow_engine.contracts import Analysis, Analyzer, AnalyzerReport
from codeflow_engine.domain.change import FileContent
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import RawFinding, Suggestion
from codeflow_engine.errors import AnalyzerError, ProviderError
from codeflow_engine.providers.analyzer.ruff import RuffAnalyzer
from codeflow_engine.providers.analyzer.secrets import SecretsAnalyzer, SecretsSettings
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.contracts import AnalyzerContract, Expected
from codeflow_engine.testing.examples import named

pytestmark = pytest.mark.fault


class SecretsSuite(AnalyzerContract):
    @pytest.fixture
    def finds(self) -> Sequence[Expected]:
        example = named("secrets")
        return [Expected(example=example, path="settings.env", rule="github-token", line=2)]


class Silent(SecretsAnalyzer):
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        report = await super().analyze(analysis, sandbox)
        files = analysis.change.diff.files
        examined = [unit for unit in report.examined if not files[unit.file].is_binary]
        return replace(report, examined=tuple(examined))


class Fragile(SecretsAnalyzer):
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        texts = [file.hunks[0].section for file in analysis.change.diff.files]
        assert len(texts) == len(analysis.change.diff.files)
        return await super().analyze(analysis, sandbox)


class Overreaching(SecretsAnalyzer):
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        return await super().analyze(replace(analysis, units=analysis.change.diff.units), sandbox)


class Wordless(RuffAnalyzer):
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        report = await super().analyze(analysis, sandbox)
        return replace(report, declined=tuple((unit, " ") for unit, _ in report.declined))


class Edited(SecretsAnalyzer):
    """Changes each finding."""

    def edit(self, finding: RawFinding, analysis: Analysis) -> RawFinding:
        raise NotImplementedError

    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        report = await super().analyze(analysis, sandbox)
        findings = tuple(self.edit(finding, analysis) for finding in report.findings)
        return replace(report, findings=findings)


class Untyped(Edited):
    def edit(self, finding: RawFinding, analysis: Analysis) -> RawFinding:
        return replace(finding, line=str(finding.line))  # type: ignore[arg-type] # on purpose


class Prefixed(Edited):
    def edit(self, finding: RawFinding, analysis: Analysis) -> RawFinding:
        return replace(finding, path=f"b/{finding.path}")


class FromZero(Edited):
    def edit(self, finding: RawFinding, analysis: Analysis) -> RawFinding:
        return replace(finding, column=0)


class Unplaced(Edited):
    def edit(self, finding: RawFinding, analysis: Analysis) -> RawFinding:
        return replace(finding, line=None, end_line=None)


class Wide(Edited):
    def edit(self, finding: RawFinding, analysis: Analysis) -> RawFinding:
        return replace(finding, column=39, end_column=None, line=1, side=Side.NEW)


class Mending(Edited):
    def edit(self, finding: RawFinding, analysis: Analysis) -> RawFinding:
        return replace(finding, suggestion=Suggestion(replacement="", start_line=0, end_line=0))


class Telling(Edited):
    def edit(self, finding: RawFinding, analysis: Analysis) -> RawFinding:
        file = next(one for one in analysis.change.diff.files if one.path == finding.path)
        line = file.line_at(finding.side, finding.line or 0)
        return replace(finding, title=f"A secret: {line.text if line else ''}")


class Counting(Edited):
    numbers = itertools.count()

    def edit(self, finding: RawFinding, analysis: Analysis) -> RawFinding:
        return replace(finding, message=f"{finding.message} ({next(self.numbers)})")


class Blind(SecretsAnalyzer):
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        return replace(await super().analyze(analysis, sandbox), findings=())


class Sharing(SecretsAnalyzer):
    analysis: Analysis

    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        self.analysis = analysis
        await asyncio.sleep(0)
        return await super().analyze(self.analysis, sandbox)


TestSilent = struck(SecretsSuite, Silent, "test_it_accounts_for_every_unit")
TestFragile = struck(SecretsSuite, Fragile, "test_it_accounts_for_every_unit")
TestOverreaching = struck(
    SecretsSuite, Overreaching, "test_it_speaks_of_nothing_that_it_was_not_asked_about"
)
TestWordless = struck(SecretsSuite, Wordless, "test_its_report_is_sound")
TestUntyped = struck(SecretsSuite, Untyped, "test_its_report_is_sound")
TestPrefixed = struck(SecretsSuite, Prefixed, "test_its_findings_stand_in_the_change")
TestFromZero = struck(SecretsSuite, FromZero, "test_its_findings_stand_in_the_change")
TestUnplaced = struck(SecretsSuite, Unplaced, "test_its_findings_stand_in_the_change")
TestWide = struck(SecretsSuite, Wide, "test_its_findings_stand_in_the_change")
TestMending = struck(SecretsSuite, Mending, "test_its_findings_stand_in_the_change")
TestTelling = struck(SecretsSuite, Telling, "test_its_findings_have_a_name_and_a_title")
TestBlind = struck(SecretsSuite, Blind, "test_it_finds_what_its_author_says")
TestCounting = struck(SecretsSuite, Counting, "test_the_same_change_gives_the_same_report")
TestSharing = struck(SecretsSuite, Sharing, "test_calls_at_once_do_not_mix")


class Imagining(RuffAnalyzer):
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        if analysis.change.provider is None:
            return AnalyzerReport(examined=analysis.units)
        return await super().analyze(analysis, sandbox)


class Dependent(SecretsAnalyzer):
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        if analysis.change.provider is None:
            return AnalyzerReport(declined=tuple((unit, "a patch") for unit in analysis.units))
        return await super().analyze(analysis, sandbox)


class Trusting(RuffAnalyzer):
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        async def read(paths: Sequence[str], side: Side) -> tuple[FileContent, ...]:
            files = await analysis.read_files(paths, side)
            return tuple(replace(file, content=file.content or b"") for file in files)

        return await super().analyze(replace(analysis, read_files=read), sandbox)


class Calm(RuffAnalyzer):
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        async def read(paths: Sequence[str], side: Side) -> tuple[FileContent, ...]:
            try:
                return await analysis.read_files(paths, side)
            except (ProviderError, OSError):
                return tuple(FileContent(path=path, content=b"") for path in paths)

        return await super().analyze(replace(analysis, read_files=read), sandbox)


TestImagining = struck(AnalyzerContract, Imagining, "test_it_examines_no_bare_patch")
TestDependent = struck(SecretsSuite, Dependent, "test_it_examines_a_bare_patch_as_any_change")
TestTrusting = struck(AnalyzerContract, Trusting, "test_a_file_that_has_no_content_is_not_examined")
TestCalm = struck(AnalyzerContract, Calm, "test_a_host_that_fails_makes_no_clean_report")


class Keeping(SecretsAnalyzer):
    """Keeps whole reports, and their numbers in the cache."""

    shared: ClassVar[dict[type, list[AnalyzerReport]]] = {}

    def key(self, analysis: Analysis) -> str:
        digest = hashlib.sha256(analysis.change.diff.data).hexdigest()
        return f"{digest} {self._settings}"

    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        reports = self.shared.setdefault(type(self), [])
        key = self.key(analysis)
        kept = await analysis.cache.get([key])
        if key in kept:
            return self.known(reports, kept[key])
        report = await super().analyze(analysis, sandbox)
        reports.append(report)
        await analysis.cache.put({key: b"%d" % (len(reports) - 1)}, ttl=60)
        return report

    def known(self, reports: list[AnalyzerReport], value: bytes) -> AnalyzerReport:
        return reports[int(value)]


class Terse(Keeping):
    def known(self, reports: list[AnalyzerReport], value: bytes) -> AnalyzerReport:
        return replace(super().known(reports, value), findings=())


class Believing(Keeping):
    def known(self, reports: list[AnalyzerReport], value: bytes) -> AnalyzerReport:
        if value.isdigit():
            return super().known(reports, value)
        return replace(reports[-1], findings=())


class KeyedByPath(Keeping):
    def key(self, analysis: Analysis) -> str:
        return str([file.path for file in analysis.change.diff.files])


class KeyedByContent(Keeping):
    def key(self, analysis: Analysis) -> str:
        return hashlib.sha256(analysis.change.diff.data).hexdigest()


def keeping(kind: Callable[..., Analyzer]) -> type[AnalyzerContract]:
    """Give the suite with another setting of a mutant."""

    class Suite(SecretsSuite):
        @pytest.fixture
        def create_other(self) -> Callable[[], Analyzer]:
            return lambda: kind(SecretsSettings(removed=False))

    return Suite


TestTerse = struck(SecretsSuite, Terse, "test_a_second_look_gives_the_same_report")
TestBelieving = struck(
    SecretsSuite, Believing, "test_a_cache_that_holds_other_bytes_changes_nothing"
)
TestKeyedByPath = struck(
    SecretsSuite, KeyedByPath, "test_what_was_kept_of_one_content_is_not_said_of_another"
)
TestKeyedByContent = struck(
    keeping(KeyedByContent), KeyedByContent, "test_what_was_kept_under_other_settings_is_not_said"
)


class Blocking(SecretsAnalyzer):
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        time.sleep(0.7)  # noqa: ASYNC251 - that is what is wrong with it
        return await super().analyze(analysis, sandbox)


class Deaf(SecretsAnalyzer):
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        try:
            return await super().analyze(analysis, sandbox)
        except asyncio.CancelledError:
            return AnalyzerReport(failed=tuple((unit, "told off") for unit in analysis.units))


class Shielded(SecretsAnalyzer):
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        return await asyncio.shield(super().analyze(analysis, sandbox))


class Direct(SecretsAnalyzer):
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        program = await asyncio.create_subprocess_exec("true")
        await program.wait()
        return await super().analyze(analysis, sandbox)


class Lenient(SecretsAnalyzer):
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        try:
            return await super().analyze(analysis, sandbox)
        except AnalyzerError:
            return AnalyzerReport(examined=analysis.units)


class Importing(RuffAnalyzer):
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        for file in await analysis.read_files(["setup.py"], Side.NEW):
            code: Any = compile(file.content or b"", "setup.py", "exec")
            exec(code, {})  # noqa: S102 - that is what is wrong with it
        return await super().analyze(analysis, sandbox)


ALONE = "test_it_starts_processes_in_the_sandbox_alone"
TestBlocking = struck(SecretsSuite, Blocking, "test_it_does_not_block_the_event_loop")
TestDeaf = struck(SecretsSuite, Deaf, "test_it_ends_when_it_is_cancelled")
TestShielded = struck(SecretsSuite, Shielded, "test_it_ends_when_it_is_cancelled")
TestDirect = struck(SecretsSuite, Direct, ALONE)
TestLenient = struck(SecretsSuite, Lenient, ALONE)
TestImporting = struck(AnalyzerContract, Importing, "test_it_runs_nothing_of_the_change")


def test_every_test_of_the_suite_can_fail() -> None:
    """Each has a mutant that it finds out."""
    assert unbroken(AnalyzerContract, globals()) == set()
