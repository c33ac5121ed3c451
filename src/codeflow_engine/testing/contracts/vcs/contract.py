"""The suite of VCS hosts: its fixtures, and its tests by what they look at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from enum import StrEnum
from typing import Any, ClassVar

import pytest
import pytest_asyncio

from codeflow_engine.contracts import VCS, VCSCapability
from codeflow_engine.domain.effect import Effect, EffectKind
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.contracts.backend import BackendContract
from codeflow_engine.testing.contracts.vcs.delivering import DeliveryTests
from codeflow_engine.testing.contracts.vcs.discussing import DiscussionTests
from codeflow_engine.testing.contracts.vcs.fetching import FetchTests
from codeflow_engine.testing.contracts.vcs.guarding import GuardTests
from codeflow_engine.testing.contracts.vcs.published import Publish, Published
from codeflow_engine.testing.contracts.vcs.reading import ReadTests
from codeflow_engine.testing.examples import Example

__all__ = ["VCSContract"]


class VCSContract(
    FetchTests, ReadTests, GuardTests, DeliveryTests, DiscussionTests, BackendContract[VCS]
):
    """What every VCS host promises; see `codeflow_engine.contracts.VCS`.

    An author says in one more fixture how a change of `codeflow_engine.testing.examples`
    gets onto the host. The function may be `async`.

    ```python
    class TestAcmeForge(VCSContract):
        @pytest.fixture
        def create(self, server):
            return lambda: AcmeForge(server.url)

        @pytest.fixture
        def published(self, server):
            def publish(example):
                number = server.open_pull_request(example.base, example.head)
                request = ChangeRequest(target=f"acme/shop#{number}")
                return Published(request=request, example=example)

            return publish
    ```

    Where no example can be put there, `Published(request=...)` alone runs the tests that
    need to know nothing of the change, and that write nothing.
    """

    contract: ClassVar[type[VCS]] = VCS
    capability: ClassVar[type[StrEnum] | None] = VCSCapability

    @pytest.fixture
    def published(self) -> Callable[[Example], Published | Awaitable[Published]]:
        """Return what puts an example onto the host; whoever uses the suite defines this one."""
        pytest.fail(
            f"{type(self).__name__} has to define the fixture `published`, which returns a "
            "function that puts an example change onto the host and returns a `Published`",
            pytrace=False,
        )

    @pytest.fixture
    def effect(self) -> Callable[[str, str, str], Effect]:
        """Return what makes an effect of a target, a head and a key.

        Whoever uses the suite may define this one, for a host that takes other effects.
        """

        def make(target: str, head: str, key: str) -> Effect:
            return Effect(
                key=key,
                kind=EffectKind.SUMMARY,
                target=target,
                head=head,
                payload={"text": "Nothing was found."},
            )

        return make

    @pytest.fixture
    def forge(self) -> Callable[[Effect], Awaitable[None] | None] | None:
        """Return what writes an effect, marker and all, as somebody else.

        Whoever uses the suite may define this one.
        """
        return None

    @pytest.fixture
    def publish(self, published: Callable[[Example], Any]) -> Publish:
        """Return what puts an example onto the host, and waits for that."""

        async def publish(example: Example) -> Published:
            given = published(example)
            made: Published = await given if isinstance(given, Awaitable) else given
            return made

        return publish

    @pytest_asyncio.fixture(loop_scope="function")
    async def sandbox(self) -> AsyncIterator[Sandbox]:
        """Make a sandbox, and close it after the test."""
        async with Sandbox() as made:
            yield made
