"""The suite of meters."""

from __future__ import annotations

from typing import cast

import pytest

from codeflow_engine.contracts import Meter, Storage
from codeflow_engine.testing.contracts.meter.amounts import AmountTests
from codeflow_engine.testing.contracts.meter.booking import BookingTests
from codeflow_engine.testing.contracts.meter.draining import DrainTests
from codeflow_engine.testing.contracts.meter.instances import SeveralMetersTests
from codeflow_engine.testing.contracts.meter.keeping import KeepingTests
from codeflow_engine.testing.contracts.meter.rates import RateTests
from codeflow_engine.testing.contracts.meter.settling import SettlementTests
from codeflow_engine.testing.contracts.storages import StorageFixtures

__all__ = ["MeterContract"]


class MeterContract(
    BookingTests,
    AmountTests,
    SettlementTests,
    RateTests,
    DrainTests,
    KeepingTests,
    SeveralMetersTests,
    StorageFixtures,
):
    """What a storage promises that is a meter, too; see `codeflow_engine.contracts.Meter`.

    `StorageContract` has all of it: these tests run where a storage declares `METER`, and are
    skipped elsewhere. By itself this suite is for who wants to see them alone.
    """

    @pytest.fixture
    def meter(self, backend: Storage) -> Meter:
        """Give the backend under test as the meter that it says to be."""
        is_meter = isinstance(backend, Meter)
        assert is_meter, "it declares METER, and does not derive from `Meter`"
        return cast("Meter", backend)
