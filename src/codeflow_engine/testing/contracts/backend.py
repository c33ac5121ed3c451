"""What the suites of all kinds share: who makes a backend, and which tests it is asked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any, ClassVar, NoReturn

import pytest
import pytest_asyncio

from codeflow_engine.contracts import Backend
from codeflow_engine.testing.contracts.auditing import io_seen
from codeflow_engine.testing.contracts.watching import within

__all__ = [
    "UNCONCERNED",
    "BackendContract",
    "another",
    "choose",
    "lacks",
    "pass_over",
    "requires",
    "requiring",
]

UNCONCERNED = pytest.StashKey[bool]()
"""Marks a test that was skipped since it does not concern the backend."""


def requires(*capabilities: StrEnum) -> pytest.MarkDecorator:
    """Run a test only on backends that declare all of these capabilities."""
    return pytest.mark.codeflow_requires(*capabilities)


def requiring[T: type](*capabilities: StrEnum) -> Callable[[T], T]:
    """Run all tests of a class only on backends that declare all of these capabilities."""
    mark = requires(*capabilities)

    def marked(tests: T) -> T:
        for name, test in list(vars(tests).items()):
            if name.startswith("test_"):
                setattr(tests, name, mark(test))
        return tests

    return marked


def lacks(*capabilities: StrEnum) -> pytest.MarkDecorator:
    """Run a test only on backends that declare none of these capabilities."""
    return pytest.mark.codeflow_lacks(*capabilities)


@asynccontextmanager
async def another[B: Backend](create: Callable[[], B]) -> AsyncIterator[B]:
    """Make one more backend over the same data, and close it at the end of the block."""
    made = create()
    try:
        yield made
    finally:
        await within(made.aclose())


@pytest.mark.asyncio(loop_scope="function")
class BackendContract[B: Backend]:
    """Tests that hold for every backend; the suites of the kinds derive from it.

    A suite is used by deriving from it, in a class whose name pytest collects, with one
    fixture: `create` returns a function that makes the backend. Within one test, every call
    of that function gives a backend over the same data; no test finds the data of another.

    ```python
    class TestAcmeStorage(StorageContract):
        @pytest.fixture
        def create(self, tmp_path):
            return lambda: AcmeStorage(tmp_path / "acme.db")
    ```

    Which tests run depends on the `capabilities` that the backend declares.
    """

    contract: ClassVar[type[Backend]]
    """The class that backends of this kind derive from."""

    capability: ClassVar[type[StrEnum] | None] = None
    """The capabilities that the kind knows; None where it knows none."""

    @pytest.fixture
    def create(self) -> Callable[[], B]:
        """Return what makes the backend; whoever uses the suite defines this one."""
        pytest.fail(
            f"{type(self).__name__} has to define the fixture `create`, which returns "
            f"a function without arguments that makes the {self.contract.__name__} to test",
            pytrace=False,
        )

    @pytest_asyncio.fixture(loop_scope="function")
    async def backend(
        self, create: Callable[[], B], request: pytest.FixtureRequest
    ) -> AsyncIterator[B]:
        """Make the backend under test, and close it afterwards."""
        made = create()
        choose(request.node, made)
        await within(self.prepare(made))
        yield made
        await within(made.aclose())

    async def prepare(self, backend: B) -> None:
        """Bring a backend into the state in which an engine uses it; most are in it."""

    async def test_it_derives_from_its_contract(self, backend: B) -> None:
        """The abstract class of its kind fills in what the backend leaves out."""
        assert isinstance(backend, self.contract)

    async def test_its_capabilities_are_those_of_its_kind(self, backend: B) -> None:
        """They are a frozen set of members of the kind's enumeration, and nothing else."""
        declared: Any = backend.capabilities
        known = () if self.capability is None else tuple(self.capability)

        assert isinstance(declared, frozenset)
        assert [one for one in declared if not any(one is member for member in known)] == []

    async def test_making_it_does_nothing(self, create: Callable[[], B], backend: B) -> None:
        """A constructor does no I/O and starts nothing: an engine may never use the backend."""
        threads, tasks = threading.active_count(), len(asyncio.all_tasks())

        with io_seen() as seen:
            made = create()

        started = threading.active_count() - threads, len(asyncio.all_tasks()) - tasks
        await within(made.aclose())
        assert seen == []
        assert started == (0, 0)

    async def test_it_can_be_closed_unused(self, create: Callable[[], B]) -> None:
        """Closing a backend that did nothing is no error."""
        made = create()

        await within(made.aclose())


def choose(test: pytest.Item, backend: Backend) -> None:
    """Skip a test that asks for other capabilities than the backend declares."""
    declared: frozenset[StrEnum] = getattr(backend, "capabilities", frozenset())
    for mark in test.iter_markers("codeflow_requires"):
        if missing := [str(one) for one in mark.args if one not in declared]:
            pass_over(test, f"the backend does not declare {', '.join(missing)}")
    for mark in test.iter_markers("codeflow_lacks"):
        if present := [str(one) for one in mark.args if one in declared]:
            pass_over(test, f"the backend declares {', '.join(present)}")


def pass_over(test: pytest.Item, reason: str) -> NoReturn:
    """Skip a test that does not concern the backend, so that nobody waits for it."""
    test.stash[UNCONCERNED] = True
    pytest.skip(reason)
