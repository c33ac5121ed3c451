"""The suite of storages."""

from __future__ import annotations

from codeflow_engine.testing.contracts.journal.contract import JournalContract
from codeflow_engine.testing.contracts.meter.contract import MeterContract
from codeflow_engine.testing.contracts.storage.batches import BatchTests
from codeflow_engine.testing.contracts.storage.dismissals import DismissalTests
from codeflow_engine.testing.contracts.storage.events import EventTests
from codeflow_engine.testing.contracts.storage.findings import FindingTests
from codeflow_engine.testing.contracts.storage.instances import InstanceTests
from codeflow_engine.testing.contracts.storage.prune import PruneTests
from codeflow_engine.testing.contracts.storage.reviews import ReviewTests
from codeflow_engine.testing.contracts.storage.runs import RunTests
from codeflow_engine.testing.contracts.storage.tenants import TenantTests
from codeflow_engine.testing.contracts.storage.texts import TextTests

__all__ = ["StorageContract"]


class StorageContract(
    RunTests,
    EventTests,
    ReviewTests,
    FindingTests,
    DismissalTests,
    PruneTests,
    TenantTests,
    TextTests,
    BatchTests,
    InstanceTests,
    JournalContract,
    MeterContract,
):
    """What every storage promises; see `codeflow_engine.contracts.Storage`.

    `create` returns a function that makes a storage over data which is empty at the
    beginning of each test, and the same for every call within one. It need not be migrated:
    the suite does that. A storage without capabilities may make a new, empty one each time.

    ```python
    import pytest

    from codeflow_acme import AcmeStorage
    from codeflow_engine.testing.contracts import StorageContract


    class TestAcmeStorage(StorageContract):
        @pytest.fixture
        def create(self, tmp_path):
            return lambda: AcmeStorage(tmp_path / "acme.db")
    ```

    On a server that all tests share, the fixture empties the tables before it returns.

    A storage that declares `DURABLE` is closed and made again; one that declares `SHARED`
    is made several times over the same data, and used at the same time. One that declares
    `JOURNAL` is asked all of `JournalContract`, and one that declares `METER` all of
    `MeterContract`.

    One more fixture is optional: `unreachable` returns a function that makes a storage which
    cannot be reached, such as on a port where nobody listens. It should give up within a
    second or two. Without it, the test of that is skipped.
    """
