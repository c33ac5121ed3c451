"""The analyzer for hygiene: what a reviewer ought to know before reading a change.

| rule | tells of | severity |
|---|---|---|
| `conflict-marker` | `<<<<<<<`, `=======` and `>>>>>>>` in this order, one of them added | high |
| `bidi-control` | characters that reorder what is shown (CVE-2021-42574) | high; medium in texts |
| `hidden-text` | runs of tag characters or variation selectors | high |
| `invisible-character` | zero-width and such in code | high in a name, else low |
| `terminal-control` | raw escapes, backspaces, carriage returns in code | medium |
| `confusable-name` | names in code that mix scripts and look Latin | high |
| `confusable-file-name`, `hidden-character-in-name` | the same in the name of a file | high |
| `path-outside-tree`, `link-outside-tree` | paths and links that lead out, or into `.git` | high |
| `debugger-breakpoint`, `focused-test` | a forgotten breakpoint, a test that runs alone | medium |
| `debug-output` | forgotten debug output | low |
| `huge-addition` | more than anybody reviews | low |
| `opaque-binary` | a binary that is a program (medium) or an archive (low) | medium, low |
| `large-binary` | a large binary | low |
| `executable-bit` | a file made executable that is no script | low |
| `manifest-without-lock` | a changed dependency whose lock file stays behind | medium |
| `lock-without-manifest` | a lock file that changes alone | info |
| `too-many-findings` | findings that are not shown | low |

Only lines that the change adds raise findings; context is read where it decides. An entry
without hunks (a binary, a mode, a rename, an empty file, a submodule, a link) is examined
as what it is. A combined diff is declined.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Final, override

from codeflow_engine.contracts.analyzer import Analysis, Analyzer, AnalyzerReport
from codeflow_engine.providers.analyzer.checks import hygiene
from codeflow_engine.providers.analyzer.checks.hygiene_settings import HygieneSettings
from codeflow_engine.providers.analyzer.locks_in_tree import confirmed
from codeflow_engine.providers.analyzer.scan import ScanLimits, run_scan
from codeflow_engine.sandbox import Sandbox

__all__ = ["HygieneAnalyzer", "HygieneSettings"]

_DEFAULT: Final = HygieneSettings()
_LIMITS: Final = ScanLimits()


class HygieneAnalyzer(Analyzer):
    """Finds what makes a change hard or dangerous to review.

    Args:
        settings: What to tell of, and thresholds.
        limits: What the process of the scan may use.
    """

    def __init__(
        self, settings: HygieneSettings = _DEFAULT, *, limits: ScanLimits = _LIMITS
    ) -> None:
        self._settings = asdict(settings)
        self._limits = limits

    @override
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        """Look at every unit in a process of its own, then for lock files in the tree.

        Raises:
            AnalyzerError: The scan could not be run, or not to its end.
            ProviderError: A lock file had to be looked for, and the host failed.
        """
        report = await run_scan(
            hygiene.scan, analysis, sandbox, settings=self._settings, limits=self._limits
        )
        return replace(report, findings=await confirmed(report.findings, analysis))
