"""What a tool over files has to say of itself, and the analyzer that is made of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, override

from codeflow_engine.contracts.analyzer import (
    Analysis,
    Analyzer,
    AnalyzerCapability,
    AnalyzerReport,
)
from codeflow_engine.domain.finding import RawFinding
from codeflow_engine.providers.analyzer.tools.running import examine
from codeflow_engine.providers.analyzer.tools.source import Source
from codeflow_engine.providers.analyzer.tools.values import Copies, ToolLimits
from codeflow_engine.sandbox import Limits, Sandbox

__all__ = ["FileTool"]


class FileTool(Analyzer):
    """An analyzer that runs a program over private copies of the changed Python files.

    What the program says of a file is kept by the file's content. A row is what the tool
    says of one finding, as plain JSON data, without the name of any file.
    """

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset({AnalyzerCapability.READS_FILES})

    name: ClassVar[str]
    """What the tool calls itself, in messages and keys."""

    transcodes: ClassVar[bool] = False
    """Whether its copies are in UTF-8, whatever the files are in."""

    def __init__(self, limits: ToolLimits) -> None:
        self.limits = limits

    @override
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        """Look at every changed Python file, each one whole.

        A file that makes the tool fail is told apart from those beside it; a process that
        hangs takes all the files along that it was given.

        Raises:
            AnalyzerError: The tool is not what it should be.
            ProviderError: The host could not read the files.
        """
        return await examine(self, analysis, sandbox)

    @abstractmethod
    def identity(self) -> Any:
        """Say, as plain JSON data, what a result depends on beside the file.

        It may read files of the installation, so it runs in a worker thread.
        """

    def declines(self, path: str) -> str | None:  # noqa: ARG002 - for tools that are choosy
        """Say why a Python file is not this tool's business; None where it is."""
        return None

    @abstractmethod
    async def run(
        self, copies: Copies, sandbox: Sandbox, limits: Limits
    ) -> Mapping[str, Sequence[Any] | str]:
        """Run the tool over copies.

        Returns:
            For each copy that the tool has accounted for its rows, or why it gave up on it.

        Raises:
            AnalyzerError: The answer cannot be believed.
            SandboxError: The process could not be run, or not to its end.
        """

    @abstractmethod
    def finding(self, row: Any, source: Source) -> RawFinding:
        """Make a finding of a row that comes from the tool, or from a cache.

        Raises:
            ValueError: It is no such row (likewise TypeError, LookupError).
        """
