"""The analyzer that finds secrets in a change.

It looks at the lines that the change adds, at those that it removes, and at the names that
it gives to files; context lines are read, because a key may span several lines, and raise
nothing. It finds what the engine's redaction finds, with the same rules, and never shows
or passes on a value.

| rule | tells of |
|---|---|
| the id of a redaction rule, such as `github-token` | such a secret in an added line or a name |
| `removed-secret` | a secret that the change removes and shows nowhere else |
| `too-many-findings` | findings that are not shown |

Severity is critical where a key lets somebody publish, deploy or sign; high for the keys of
other services; medium for what only its surroundings betray; low for what is public by
design at times. What anybody can make (a private key, a password) is low in tests, examples
and documentation, which make their own. A removed secret is low too, and told of only where
a service issued it: it has to be revoked, since it stays in the history.

A file entry without hunks (a binary, a rename, a mode) is examined by its name: its
content is not in the diff. A combined diff is declined.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Final, override

from codeflow_engine.contracts.analyzer import Analysis, Analyzer, AnalyzerReport
from codeflow_engine.providers.analyzer.checks import secrets
from codeflow_engine.providers.analyzer.checks.secrets_settings import SecretsSettings
from codeflow_engine.providers.analyzer.scan import ScanLimits, run_scan
from codeflow_engine.sandbox import Sandbox

__all__ = ["SecretsAnalyzer", "SecretsSettings"]

_DEFAULT: Final = SecretsSettings()
_LIMITS: Final = ScanLimits()


class SecretsAnalyzer(Analyzer):
    """Finds secrets in a change.

    Args:
        settings: What to tell of.
        limits: What the process of the scan may use.
    """

    def __init__(
        self, settings: SecretsSettings = _DEFAULT, *, limits: ScanLimits = _LIMITS
    ) -> None:
        self._settings = asdict(settings)
        self._limits = limits

    @override
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        """Look at every unit in a process of its own.

        Raises:
            AnalyzerError: The scan could not be run, or not to its end.
        """
        return await run_scan(
            secrets.scan, analysis, sandbox, settings=self._settings, limits=self._limits
        )
