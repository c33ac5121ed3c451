"""What the suites of all kinds share can fail, and says what it needs."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from mutation import struck, unbroken

from codeflow_engine.contracts import VCSCapability
from codeflow_engine.domain.run import RunEvent
from codeflow_engine.testing.contracts import BackendContract, ObserverContract
from codeflow_engine.testing.fakes import FakeObserver


class Underived:
    async def on_event(self, event: RunEvent) -> None: ...
    async def aclose(self) -> None: ...


class Boastful(FakeObserver):
    capabilities = frozenset({VCSCapability.PUBLISH})


class Eager(FakeObserver):
    def __init__(self) -> None:
        super().__init__()
        threading.Thread(target=time.sleep, args=(0.2,), daemon=True).start()


class Curious(FakeObserver):
    def __init__(self) -> None:
        super().__init__()
        Path("/dev/null").read_bytes()


class Clinging(FakeObserver):
    async def aclose(self) -> None:
        assert self.events, "nothing to close"


TestUnderived = struck(ObserverContract, Underived, "test_it_derives_from_its_contract")
TestBoastful = struck(ObserverContract, Boastful, "test_its_capabilities_are_those_of_its_kind")
TestEager = struck(ObserverContract, Eager, "test_making_it_does_nothing")
TestCurious = struck(ObserverContract, Curious, "test_making_it_does_nothing")
TestClinging = struck(ObserverContract, Clinging, "test_it_can_be_closed_unused")


def test_every_test_that_all_suites_share_can_fail() -> None:
    """Each has a mutant that it finds out."""
    assert unbroken(BackendContract, globals()) == set()
