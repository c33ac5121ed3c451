"""The suite of analyzers: its fixtures, and its tests by what they look at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from enum import StrEnum
from functools import cache
from typing import ClassVar

import pytest
import pytest_asyncio

from codeflow_engine.contracts import Analyzer, AnalyzerCapability
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.contracts.analyzer.asking import Expected
from codeflow_engine.testing.contracts.analyzer.caching import CacheTests
from codeflow_engine.testing.contracts.analyzer.reading import FileTests
from codeflow_engine.testing.contracts.analyzer.reporting import ReportTests
from codeflow_engine.testing.contracts.analyzer.running import RunTests
from codeflow_engine.testing.contracts.backend import BackendContract
from codeflow_engine.testing.examples import EXAMPLES, Example, named, together

__all__ = ["AnalyzerContract", "spelt"]


class AnalyzerContract(ReportTests, FileTests, CacheTests, RunTests, BackendContract[Analyzer]):
    """What every analyzer promises; see `codeflow_engine.contracts.Analyzer`.

    It is asked about the changes of `codeflow_engine.testing.examples`, with a real sandbox
    and a real cache. An author says in two more fixtures what the analyzer finds, without
    which nobody can tell a clean report from an empty one:

    ```python
    class TestAcmeLint(AnalyzerContract):
        @pytest.fixture
        def create(self):
            return AcmeLint

        @pytest.fixture
        def finds(self):
            edit = named("edit")
            return [Expected(example=edit, path="shop/till.py", rule="bare-except", line=25)]

        @pytest.fixture
        def create_other(self):
            return lambda: AcmeLint(AcmeSettings(ignore=["bare-except"]))
    ```
    """

    contract: ClassVar[type[Analyzer]] = Analyzer
    capability: ClassVar[type[StrEnum] | None] = AnalyzerCapability

    suffix: ClassVar[str] = ".py"
    """The ending of the files that the analyzer examines. Most examples are of Python: their
    files are given this ending, so that an analyzer of another language sees more of the suite
    than what it declines."""

    @pytest.fixture
    def finds(self) -> Sequence[Expected]:
        """Return what the analyzer has to find, in examples of the kit or of the author.

        Whoever uses the suite may define this one.
        """
        return ()

    @pytest.fixture
    def create_other(self) -> Callable[[], Analyzer] | None:
        """Return what makes the analyzer with settings under which it reports otherwise.

        Whoever uses the suite may define this one, if the analyzer has such settings.
        """
        return None

    @pytest.fixture
    def telling(self, finds: Sequence[Expected]) -> Sequence[Example]:
        """List examples in which there is something to find: those of `finds` first."""
        likely = spelt(self.suffix, *(named(name) for name in ("edit", "secrets", "hostile-text")))
        return list(dict.fromkeys([*(one.example for one in finds), *likely]))

    @pytest.fixture
    def small(self, telling: Sequence[Example]) -> Example:
        """Make one change of examples in which there is something to find."""
        return together("small", telling)

    @pytest.fixture
    def large(self) -> Example:
        """Give a change with large files."""
        return spelt(self.suffix, named("large"))[0]

    @pytest.fixture
    def everything(self, telling: Sequence[Example]) -> Example:
        """Make one change of all examples of the kit and of the author."""
        known = spelt(self.suffix, *EXAMPLES)
        return together("everything", list(dict.fromkeys([*known, *telling])))

    @pytest_asyncio.fixture(loop_scope="function")
    async def sandbox(self) -> AsyncIterator[Sandbox]:
        """Make a sandbox, and close it after the test."""
        async with Sandbox() as made:
            yield made


@cache
def spelt(suffix: str, *examples: Example) -> tuple[Example, ...]:
    """Give the examples' Python files another ending; the same examples for the same one."""
    if suffix == ".py":
        return examples
    return tuple(example.spelt(".py", suffix) for example in examples)
