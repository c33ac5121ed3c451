"""What an analyzer makes of files that it can, and cannot, read."""

from __future__ import annotations

from codeflow_engine.contracts import Analyzer, AnalyzerCapability, AnalyzerReport
from codeflow_engine.errors import ProviderUnavailableError
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.contracts.analyzer.asking import Unreadable, account, ask, silenced
from codeflow_engine.testing.contracts.backend import lacks, requires
from codeflow_engine.testing.examples import Example

__all__ = ["FileTests"]

_READS = AnalyzerCapability.READS_FILES


class FileTests:
    """Tests of how an analyzer reads files around the diff."""

    @requires(_READS)
    async def test_it_examines_no_bare_patch(
        self, backend: Analyzer, sandbox: Sandbox, everything: Example
    ) -> None:
        """It reads whole files, and around a patch there are none."""
        report = await ask(backend, everything.analysis(bare=True), sandbox)

        assert _examined(report, everything) == []
        assert account(report).keys() == set(everything.diff.units)

    @lacks(_READS)
    async def test_it_examines_a_bare_patch_as_any_change(
        self, backend: Analyzer, sandbox: Sandbox, small: Example
    ) -> None:
        """It needs no whole files, so it looks at the same units without them."""
        report = await ask(backend, small.analysis(), sandbox)
        bare = await ask(backend, small.analysis(bare=True), sandbox)

        assert _examined(bare, small) == _examined(report, small)

    @requires(_READS)
    async def test_a_file_that_has_no_content_is_not_examined(
        self, backend: Analyzer, sandbox: Sandbox, everything: Example
    ) -> None:
        """A file that is too large, gone or stale is failed or declined, never found clean."""
        reader = Unreadable("larger than 3 bytes")

        report = await ask(backend, everything.analysis(read_files=reader), sandbox)

        assert set(_examined(report, everything)) & reader.asked == set()

    async def test_a_host_that_fails_makes_no_clean_report(
        self, backend: Analyzer, sandbox: Sandbox, small: Example
    ) -> None:
        """Where no file can be read, what is called examined holds all that was found there."""
        whole = await ask(backend, small.analysis(), sandbox)

        for error in (ProviderUnavailableError("gone"), OSError("gone")):
            reader = Unreadable(error=error)
            analysis = small.analysis(read_files=reader)
            report = await ask(backend, analysis, sandbox, may_crash=True)

            if _READS in backend.capabilities:
                assert set(_examined(report, small)) & reader.asked == set()
            assert silenced(small.diff, whole, report) == []


def _examined(report: AnalyzerReport, example: Example) -> list[str]:
    """List the paths of the units that a report calls examined."""
    files = example.diff.files
    fates = account(report)
    return sorted(files[unit.file].path for unit, fate in fates.items() if fate == "examined")
