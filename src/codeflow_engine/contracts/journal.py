"""The contract of a journal: what lets another process go on with a run.

| records | identity within a tenant | written by |
|---|---|---|
| runs, with claim, input and result | run id; the caller's key | `submit`, `claim`, `write`, ... |
| steps | run id, name and key | `write` |
| signals | run id and signal id | `send`, `write` |
| effects and their receipts | key of the effect | `write` |
| answers of models | key of the request | `put_answers` |

Workers stand beside them, with one lease each: a worker that executes ten thousand runs
renews one row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

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
from codeflow_engine.errors import ConfigurationError

__all__ = ["Journal"]


class Journal(ABC):
    """Keeps how far runs have come; a `Storage` with the capability `JOURNAL` is one, too.

    What `Storage` says of batches, identities, tenants, errors and the event loop holds here
    as well: every call is written whole or not at all, and is on disk when it returns, where
    the storage is durable. The runs and events that are written here are those that
    `Storage` reads.

    A run is held by at most one worker. The claim is one compare-and-set that raises the
    run's fence, and each later write names the fence under which it was made: what a worker
    writes that was taken for dead is refused. Leases are measured on a clock that all
    workers share (that of the database server, or the machine's one that never goes back),
    never on the wall clock of a worker. The moments in arguments are the engine's time, and
    decide about waits and deadlines alone.

    A call that was broken off may be repeated: nothing is then counted, claimed or sent
    twice.
    """

    @abstractmethod
    async def submit(self, runs: Sequence[Submission]) -> tuple[RunRecord, ...]:
        """Insert runs; give each as it is stored, in the order given.

        Where a run of that id, or of that tenant and key, is there already, it stays as it
        is and is given instead. Two of one call that share a key are one run.
        """

    async def submit_within(
        self, transaction: object, runs: Sequence[Submission]
    ) -> tuple[RunRecord, ...]:
        """Insert runs as `submit` does, in a transaction of the host.

        Nothing but its connection is used, and it is neither committed nor rolled back: there
        are as many runs as if the host had inserted them itself.

        Args:
            transaction: What the host has begun it with.
            runs: What to insert.

        Raises:
            ConfigurationError: The journal takes no such thing.
        """
        kind = type(transaction).__name__
        raise ConfigurationError(f"{type(self).__name__} takes no {kind} as a transaction")

    async def leave_loop(self) -> None:
        """Close what serves the running event loop alone, which is about to end."""

    @abstractmethod
    async def find_due(
        self,
        tenant: str,
        *,
        now: datetime,
        limit: int,
        run_ids: Collection[str] | None = None,
        limits: Mapping[str, RunLimits] | None = None,
    ) -> tuple[str, ...]:
        """Find runs that may be claimed, the highest priority first, then the oldest.

        Due is a run that is pending, waiting or parked with a `wake_at` that is not after
        `now`, and one that is running whose worker has no lease any more. One whose record
        is damaged hides no other one, and may be found: who claims it is told.

        Args:
            tenant: Whose.
            now: The engine's time.
            limit: How many at most.
            run_ids: Those to choose from; None for all.
            limits: By the name of a workflow. What they do not allow now is left out, so
                that it hides nothing behind it.
        """

    @abstractmethod
    async def claim(
        self,
        tenant: str,
        worker: str,
        *,
        run_ids: Sequence[str],
        now: datetime,
        limits: Mapping[str, RunLimits] | None = None,
    ) -> tuple[Claim, ...]:
        """Take runs that are due; others are left out, in the order of the ids.

        Due is also one that this worker holds already: it asks only for what it does not
        execute. The status becomes `RUNNING`, the fence one more; `started_at` is set the
        first time; `seconds_left` turns into a deadline, and one that is there stays. A run
        whose worker was gone has one recovery more.

        Raises:
            StorageError: The worker has no lease: `renew` comes first. Or a run is damaged,
                and none was taken: who asks for each alone has the others.
        """

    @abstractmethod
    async def write(self, writes: Sequence[RunWrite]) -> tuple[bool, ...]:
        """Write what runs have done, in one transaction; say of each whether it was written.

        One whose fence is not that of the run changes nothing, and takes no other one with
        it. A step record replaces one of its identity that is not final. Steps that are
        done set `RunRecord.recoveries` to 0. `state` replaces what it names in the row of the
        run, and clears its deadline unless it is still running; a run that waits, and has
        an untaken signal of a name that it waits for, or whose end was asked for, wakes at
        once. A signal is dropped where its run is unknown, and wakes one that waits for its
        name. What a repeated call has written the first time counts as written, as long as
        nobody has claimed its run since.
        """

    @abstractmethod
    async def read_steps(
        self, tenant: str, run_id: str, *, values: bool = False
    ) -> tuple[StepRecord, ...]:
        """Read the steps of a run, sorted by position; without `values` those are None."""

    @abstractmethod
    async def read_results(self, tenant: str, run_ids: Sequence[str]) -> Mapping[str, bytes]:
        """Read the results of runs by id; those without one are left out."""

    @abstractmethod
    async def renew(self, worker: str, *, lease: float) -> None:
        """Give a worker a lease of so many seconds from now on, whether or not it has one."""

    @abstractmethod
    async def retire(self, worker: str) -> None:
        """End the lease of a worker; what it still holds is due at once. Repeatable."""

    @abstractmethod
    async def notices(self, tenant: str, run_ids: Sequence[str]) -> tuple[Notice, ...]:
        """Read what was said about runs, in the order of the ids; unknown ids are left out."""

    @abstractmethod
    async def cancel(
        self, tenant: str, run_ids: Sequence[str], *, now: datetime
    ) -> tuple[RunRecord, ...]:
        """Ask for the end of runs and of all that they started, and give them all.

        Those asked for come first, in the order of their ids; unknown ids are left out.

        One that no worker holds is `CANCELLED` at once, and its parent told as by `write`
        with the signal `child:` and its id; a running one has `cancelling` set. One that
        has ended stays as it is.
        """

    @abstractmethod
    async def resume(
        self, tenant: str, run_ids: Sequence[str], *, now: datetime, seconds: float | None
    ) -> tuple[RunRecord, ...]:
        """Let runs go on that have ended without success, or are parked; give all asked for.

        They are pending from `now` on, with `seconds` left, without recoveries, error and
        `cancelling`. A failed step whose error ended the run (the last one by position that
        failed) loses its record, and is executed again. What tells them of the end of runs
        that they have started counts as received: those go on with them. Others stay as they
        are.
        """

    @abstractmethod
    async def send(self, tenant: str, signals: Sequence[Signal]) -> tuple[bool, ...]:
        """Send signals; say of each whether its run is there.

        One of the same run and id changes nothing. A run that waits for its name is due at
        once.
        """

    @abstractmethod
    async def read_signals(self, tenant: str, run_id: str) -> tuple[Signal, ...]:
        """Read the signals that no step has received, in the order in which they came."""

    @abstractmethod
    async def find_receipts(self, tenant: str, keys: Sequence[str]) -> tuple[Receipt, ...]:
        """Read the receipts of effects by key, in their order; those without are left out."""

    @abstractmethod
    async def find_unsettled(
        self, tenant: str, *, run_id: str | None = None, limit: int = 1000
    ) -> tuple[Effect, ...]:
        """Read planned effects without a receipt, sorted by key; of one run, or of all."""

    @abstractmethod
    async def get_answers(self, tenant: str, keys: Sequence[str]) -> Mapping[str, ChatAnswer]:
        """Read answers by key; unknown keys are left out."""

    @abstractmethod
    async def put_answers(
        self, tenant: str, answers: Mapping[str, ChatAnswer], *, now: datetime
    ) -> Mapping[str, ChatAnswer]:
        """Keep answers; give what is kept under each key, which is the first that came."""
