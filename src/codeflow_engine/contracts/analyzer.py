"""The contract of analyzers: programs that find problems without a model."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from codeflow_engine.contracts.backend import Backend
from codeflow_engine.contracts.cache import Cache
from codeflow_engine.domain.change import Change, FileContent
from codeflow_engine.domain.diff import Side, Unit
from codeflow_engine.domain.finding import RawFinding
from codeflow_engine.sandbox import Sandbox

__all__ = ["Analysis", "Analyzer", "AnalyzerCapability", "AnalyzerReport", "ReadFiles"]

type ReadFiles = Callable[[Sequence[str], Side], Awaitable[tuple[FileContent, ...]]]
"""Reads files of the change on one side, in the order of the paths given."""


class AnalyzerCapability(StrEnum):
    """What an analyzer may need or do."""

    EXECUTES_CHANGE = "executes-change"
    """It may run code of the change (its configuration, its plugins, its build). It is
    refused where the sandbox isolates nothing, and its units then fail with that reason.
    An analyzer without it runs nothing of the change."""

    IMPORTS_REPORTS = "imports-reports"
    """It takes over the reports of other tools that the caller of a review names."""

    READS_FILES = "reads-files"
    """It reads whole files, so it cannot examine a bare patch. What an analyzer without it
    finds stands on lines that the diff shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What an analyzer is asked to look at."""

    change: Change
    units: tuple[Unit, ...]
    """The units to examine, in the order of the change; never one that policy excludes."""

    read_files: ReadFiles
    """May fail, and gives some files with a reason instead of content. A unit whose file
    was asked for in vain is not examined."""

    cache: Cache
    """Keeps results by content; one tenant never sees what another one put there. A key
    says everything that the result depends on: content, settings, and versions of
    programs. What comes back may be missing, cut off, or of another key: a cache changes
    how long a report takes, and nothing in it."""

    reports: tuple[str, ...] = ()
    """Absolute paths of the reports of other tools that belong to this change. They may be
    gone, or be on another machine, where a review goes on elsewhere than it began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzerReport:
    """What an analyzer found, and what it looked at."""

    findings: tuple[RawFinding, ...] = ()
    examined: tuple[Unit, ...] = ()
    """Units that it really looked at to the end."""

    declined: tuple[tuple[Unit, str], ...] = ()
    """Units that are none of its business, each with the reason, such as another language."""

    failed: tuple[tuple[Unit, str], ...] = ()
    """Units that are its business and that it could not examine, each with the reason."""


class Analyzer(Backend):
    """Finds problems in a change.

    Every unit of the request appears in the report, as examined, declined or failed, and no
    other unit does. A unit that appears in none of them counts as failed: silence is never
    a clean result. One that appears as failed is failed, whatever else is said of it. A
    finding is on a file of these units, where the engine finds its place. Findings may come
    in any order. The same change gives the same report.
    """

    @abstractmethod
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        """Examine the units.

        Work that is heavy, or that touches content of the change with a foreign program,
        runs through `sandbox`, which ends it on cancellation; no process is started in
        another way. The call must not block the event loop. When it is cancelled it ends
        soon, as cancelled, and nothing of it goes on.

        Raises:
            AnalyzerError: The work could not be done; every unit of the request fails with
                its message. Any other exception has the same effect.
        """
