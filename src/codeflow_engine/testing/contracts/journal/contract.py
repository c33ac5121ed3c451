"""The suite of journals."""

from __future__ import annotations

from typing import cast

import pytest

from codeflow_engine.contracts import Journal, Storage
from codeflow_engine.testing.contracts.journal.cancelling import CancelTests
from codeflow_engine.testing.contracts.journal.claims import ClaimTests
from codeflow_engine.testing.contracts.journal.due import DueTests
from codeflow_engine.testing.contracts.journal.instances import SeveralJournalsTests
from codeflow_engine.testing.contracts.journal.leases import LeaseTests
from codeflow_engine.testing.contracts.journal.limits import LimitTests
from codeflow_engine.testing.contracts.journal.outside import OutsideTests
from codeflow_engine.testing.contracts.journal.resuming import ResumeTests
from codeflow_engine.testing.contracts.journal.signals import SignalTests
from codeflow_engine.testing.contracts.journal.states import StateTests
from codeflow_engine.testing.contracts.journal.steps import StepTests
from codeflow_engine.testing.contracts.journal.submitting import SubmitTests
from codeflow_engine.testing.contracts.journal.whole import WholeTests
from codeflow_engine.testing.contracts.journal.writes import WriteTests
from codeflow_engine.testing.contracts.storages import StorageFixtures

__all__ = ["JournalContract"]


class JournalContract(
    SubmitTests,
    DueTests,
    LimitTests,
    ClaimTests,
    LeaseTests,
    WriteTests,
    StepTests,
    StateTests,
    SignalTests,
    CancelTests,
    ResumeTests,
    OutsideTests,
    WholeTests,
    SeveralJournalsTests,
    StorageFixtures,
):
    """What a storage promises that is a journal, too; see `codeflow_engine.contracts.Journal`.

    `StorageContract` has all of it: these tests run where a storage declares `JOURNAL`, and
    are skipped elsewhere. By itself this suite is for who wants to see them alone.
    """

    @pytest.fixture
    def journal(self, backend: Storage) -> Journal:
        """Give the backend under test as the journal that it says to be."""
        is_journal = isinstance(backend, Journal)
        assert is_journal, "it declares JOURNAL, and does not derive from `Journal`"
        return cast("Journal", backend)
