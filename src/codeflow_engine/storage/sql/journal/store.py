"""The journal in a SQL database: each call is one transaction."""

from __future__ import annotations

from abc import ABC
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from codeflow_engine.contracts import Journal
from codeflow_engine.domain.chat import ChatAnswer
from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.domain.journal import (
    Claim,
    Notice,
    RunLimits,
    RunWrite,
    Signal,
    StepRecord,
    Submission,
)
from codeflow_engine.domain.run import RunRecord
from codeflow_engine.storage.sql.database import Database
from codeflow_engine.storage.sql.journal import leases, steps, stopping, writing
from codeflow_engine.storage.sql.journal.answers import answer_rows, get_answers, put_answers
from codeflow_engine.storage.sql.journal.claims import claim
from codeflow_engine.storage.sql.journal.due import Asked, find_due
from codeflow_engine.storage.sql.journal.effects import find_receipts, find_unsettled
from codeflow_engine.storage.sql.journal.signals import notices, read_signals, send, sent
from codeflow_engine.storage.sql.journal.submitting import submit, submitted
from codeflow_engine.storage.sql.journal.within import submit_on, within
from codeflow_engine.storage.sql.runs import check_moment

__all__ = ["SQLJournal"]


class SQLJournal(Journal, ABC):
    """The half of a storage in a SQL database with which workers execute runs.

    Every call may be made again where its answer was lost: it finds then what it has written.
    """

    _database: Database

    async def submit(self, runs: Sequence[Submission]) -> tuple[RunRecord, ...]:
        """Insert runs that are not there, and give each as it is stored."""
        if not (rows := submitted(runs)):
            return ()
        return await self._database.run(lambda to: submit(to, rows), write=True)

    async def submit_within(
        self, transaction: object, runs: Sequence[Submission]
    ) -> tuple[RunRecord, ...]:
        """Insert runs as `submit` does, in a transaction of the host.

        Args:
            transaction: A `Connection`, `Session`, `AsyncConnection` or `AsyncSession` of
                SQLAlchemy on the database of this storage. A synchronous one is used in a
                thread.
            runs: What to insert.

        Raises:
            ConfigurationError: It is something else, is not in a transaction, commits each
                statement, or is on another kind of database.
            StorageError: Nothing was inserted, and the transaction is as it was.
        """
        place = self._database.place
        return await within(transaction, place, lambda to: submit_on(to, runs, place))

    async def leave_loop(self) -> None:
        """Close the connections of the running event loop."""
        await self._database.leave_loop()

    async def find_due(
        self,
        tenant: str,
        *,
        now: datetime,
        limit: int,
        run_ids: Collection[str] | None = None,
        limits: Mapping[str, RunLimits] | None = None,
    ) -> tuple[str, ...]:
        """Find runs that may be claimed, in the order in which they should be."""
        check_moment(now)
        asked = Asked(tenant=tenant, now=now, run_ids=run_ids, limits=limits or {})
        return await self._database.run(lambda by: find_due(by, asked, limit))

    async def claim(
        self,
        tenant: str,
        worker: str,
        *,
        run_ids: Sequence[str],
        now: datetime,
        limits: Mapping[str, RunLimits] | None = None,
    ) -> tuple[Claim, ...]:
        """Take runs that are due, and raise their fences.

        Raises:
            StorageError: The worker has no lease, or the database failed.
        """
        check_moment(now)
        asked = Asked(tenant=tenant, now=now, run_ids=run_ids, limits=limits or {})
        return await self._database.run(lambda by: claim(by, asked, worker), write=True)

    async def write(self, writes: Sequence[RunWrite]) -> tuple[bool, ...]:
        """Write what runs have done, each under the fence of its claim."""
        if not (batch := writing.prepared(writes)):
            return ()
        return await self._database.run(lambda to: writing.write(to, batch), write=True)

    async def read_steps(
        self, tenant: str, run_id: str, *, values: bool = False
    ) -> tuple[StepRecord, ...]:
        """Read the steps of a run, sorted by position."""
        found = await self._database.run(
            lambda by: steps.read_steps(by, tenant, [run_id], values=values)
        )
        return found.get(run_id, ())

    async def read_results(self, tenant: str, run_ids: Sequence[str]) -> Mapping[str, bytes]:
        """Read the results of runs by id."""
        return await self._database.run(lambda by: steps.read_results(by, tenant, run_ids))

    async def renew(self, worker: str, *, lease: float) -> None:
        """Give a worker a lease from now on."""
        await self._database.run(lambda to: leases.renew(to, worker, lease), write=True)

    async def retire(self, worker: str) -> None:
        """End the lease of a worker."""
        await self._database.run(lambda to: leases.retire(to, worker), write=True)

    async def notices(self, tenant: str, run_ids: Sequence[str]) -> tuple[Notice, ...]:
        """Read what was said about runs."""
        return await self._database.run(lambda by: notices(by, tenant, run_ids))

    async def cancel(
        self, tenant: str, run_ids: Sequence[str], *, now: datetime
    ) -> tuple[RunRecord, ...]:
        """Ask for the end of runs and of all that they started."""
        check_moment(now)
        return await self._database.run(
            lambda to: stopping.cancel(to, tenant, run_ids, now), write=True
        )

    async def resume(
        self, tenant: str, run_ids: Sequence[str], *, now: datetime, seconds: float | None
    ) -> tuple[RunRecord, ...]:
        """Let runs go on that have ended without success, or are parked."""
        check_moment(now)
        return await self._database.run(
            lambda to: stopping.resume(to, tenant, run_ids, now, seconds), write=True
        )

    async def send(self, tenant: str, signals: Sequence[Signal]) -> tuple[bool, ...]:
        """Send signals, and say of each whether its run is there."""
        if not (rows := [sent(tenant, one) for one in signals]):
            return ()
        return await self._database.run(lambda to: send(to, tenant, rows), write=True)

    async def read_signals(self, tenant: str, run_id: str) -> tuple[Signal, ...]:
        """Read the signals that no step has received."""
        return await self._database.run(lambda by: read_signals(by, tenant, run_id))

    async def find_receipts(self, tenant: str, keys: Sequence[str]) -> tuple[Receipt, ...]:
        """Read the receipts of effects by key."""
        return await self._database.run(lambda by: find_receipts(by, tenant, keys))

    async def find_unsettled(
        self, tenant: str, *, run_id: str | None = None, limit: int = 1000
    ) -> tuple[Effect, ...]:
        """Read planned effects without a receipt, sorted by key."""
        return await self._database.run(lambda by: find_unsettled(by, tenant, run_id, limit))

    async def get_answers(self, tenant: str, keys: Sequence[str]) -> Mapping[str, ChatAnswer]:
        """Read answers by key."""
        return await self._database.run(lambda by: get_answers(by, tenant, keys))

    async def put_answers(
        self, tenant: str, answers: Mapping[str, ChatAnswer], *, now: datetime
    ) -> Mapping[str, ChatAnswer]:
        """Keep answers whose keys have none, and give what is kept."""
        if not (rows := answer_rows(tenant, answers, now)):
            return {}
        return await self._database.run(
            lambda to: put_answers(to, tenant, rows, answers), write=True
        )
