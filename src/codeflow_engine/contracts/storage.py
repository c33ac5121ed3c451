"""The contract of storage: the truth about runs, their events, reviews and findings.

| records | identity | read by |
|---|---|---|
| runs | run id | id, or the newest of a tenant |
| events | run id and number | run |
| reviews | run id | run |
| known findings | change and fingerprint | change, or the beginning of a fingerprint |
| dismissals | fingerprint, scope and place | fingerprint |

Records of further kinds get methods of the same form, each with a default that says what is
missing, so that a storage written for this version goes on working.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from codeflow_engine.contracts.backend import Backend
from codeflow_engine.domain.dismissal import Dismissal
from codeflow_engine.domain.identity import KnownFinding
from codeflow_engine.domain.review import Review
from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus

__all__ = ["Pruned", "Storage", "StorageCapability"]


class StorageCapability(StrEnum):
    """What a storage can do beyond holding values for one process."""

    DURABLE = "durable"
    """What was acknowledged survives the end of the process."""

    SHARED = "shared"
    """Several processes may use it at the same time."""

    ANY_LOOP = "any-loop"
    """It may be used on several event loops at the same time, in threads of their own."""

    JOURNAL = "journal"
    """It is a `Journal`, too. Without it the engine keeps the journal of runs in memory, and a
    run ends with its process."""

    METER = "meter"
    """It is a `Meter`, too. Without it budgets and rate limits hold within one process, and what
    was spent is forgotten with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """How much one call of `Storage.prune` removed."""

    runs: int = 0
    """Runs, each with its events, its review and its journal."""

    findings: int = 0
    dismissals: int = 0
    answers: int = 0
    """Answers of models."""

    bookings: int = 0
    """Ids of settled bookings; what they have cost stays spent."""

    def __add__(self, more: Pruned) -> Pruned:
        return Pruned(
            runs=self.runs + more.runs,
            findings=self.findings + more.findings,
            dismissals=self.dismissals + more.dismissals,
            answers=self.answers + more.answers,
            bookings=self.bookings + more.bookings,
        )

    def __bool__(self) -> bool:
        return any((self.runs, self.findings, self.dismissals, self.answers, self.bookings))


class Storage(Backend):
    """Keeps runs, events, reviews, known findings and dismissals.

    Every method takes a batch. A batch is written whole or not at all, also where its caller
    is cancelled, and is on disk when the call returns, where the storage is durable. Values
    come back equal to what was put in; a moment is the same one to the microsecond, maybe in
    another zone. Every identity is one within a tenant: no tenant ever sees, replaces or
    removes a row of another one. Any text is an identity, NUL and lone surrogates included,
    and is meant to the letter; texts are sorted by code point. With a limit below one,
    nothing is read or removed. No method blocks the event loop.

    A value that cannot be stored as what it is (an identity too long for an index, or data
    without a JSON form) and a time without a zone are refused.
    Every method raises `StorageError`, and then nothing of the call was kept:
    `StorageUnavailableError` where a later try may succeed, `StorageFullError` where no
    space is left, `SchemaVersionError` where `migrate` has to run first, or a newer version
    of this package.
    """

    async def migrate(self) -> None:
        """Bring what is stored into the form of this version; repeatable, in any process."""

    @abstractmethod
    async def put_runs(self, runs: Sequence[RunRecord]) -> None:
        """Insert or replace runs by their id."""

    @abstractmethod
    async def get_runs(self, tenant: str, run_ids: Sequence[str]) -> tuple[RunRecord, ...]:
        """Read runs by id, in the order of the ids; unknown ids are left out.

        An id that is asked for twice comes twice.
        """

    @abstractmethod
    async def find_runs(
        self, tenant: str, *, status: RunStatus | None = None, limit: int = 100
    ) -> tuple[RunRecord, ...]:
        """Read the runs of a tenant that were created last, newest first, at most `limit`.

        Runs of the same moment come in the order of their ids, the greatest first.
        """

    @abstractmethod
    async def append_events(self, tenant: str, events: Sequence[RunEvent]) -> None:
        """Append events to the streams of their runs; a repeated number changes nothing.

        The run itself need not be there.
        """

    @abstractmethod
    async def read_events(
        self, tenant: str, run_id: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[RunEvent, ...]:
        """Read a run's events with a number above `after`, in order, at most `limit`."""

    @abstractmethod
    async def put_reviews(
        self, tenant: str, reviews: Sequence[Review], findings: Sequence[KnownFinding] = ()
    ) -> None:
        """Insert or replace reviews by their run, and known findings by their identity.

        Both are one batch: a review is there with what is known after it, or not at all.
        """

    @abstractmethod
    async def get_reviews(self, tenant: str, run_ids: Sequence[str]) -> tuple[Review, ...]:
        """Read reviews by run, as `get_runs` reads runs."""

    @abstractmethod
    async def find_findings(
        self, tenant: str, *, change: str | None = None, prefix: str = "", limit: int = 100_000
    ) -> tuple[KnownFinding, ...]:
        """Read known findings, sorted by change and fingerprint, at most `limit`.

        Args:
            tenant: Whose.
            change: The change that they belong to; None for all.
            prefix: What their fingerprints begin with, to the letter.
            limit: How many at most.
        """

    @abstractmethod
    async def put_dismissals(self, tenant: str, dismissals: Sequence[Dismissal]) -> None:
        """Insert or replace dismissals by fingerprint, scope and place."""

    @abstractmethod
    async def find_dismissals(
        self, tenant: str, fingerprints: Collection[str] | None = None
    ) -> tuple[Dismissal, ...]:
        """Read the dismissals of some fingerprints, expired ones too; None reads all.

        Sorted by fingerprint, scope and place, where None comes first.
        """

    @abstractmethod
    async def remove_dismissals(self, tenant: str, dismissals: Sequence[Dismissal]) -> int:
        """Remove dismissals by fingerprint, scope and place; return how many were there."""

    @abstractmethod
    async def prune(self, tenant: str, *, before: datetime, limit: int = 1000) -> Pruned:
        """Remove what is old, the oldest first; call again until nothing is removed.

        Runs that have ended and were last updated before the moment go with their events
        and reviews, at most `limit` of them; then known findings last seen before it, and
        dismissals that expired before it, each at most `limit` too. A run that has not
        ended is never removed, and neither is one whose `parent` has not ended: that may ask
        for its result yet. A `Journal` removes steps, signals and effects with their run,
        and answers that were put before the moment; a `Meter` the scope of each run that goes,
        and bookings that were settled before the moment, at most `limit`.
        """
