"""What runs have done, written down: the call that every step of every run goes through."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import isfinite
from typing import Any

from sqlalchemy import Connection, update

from codeflow_engine.domain.bodies import encode
from codeflow_engine.domain.journal import RunState, RunWrite, StepState
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import StorageError
from codeflow_engine.storage.sql.bulk import BYTES, FLAG, NUMBER, REAL, TEXT, change
from codeflow_engine.storage.sql.columns import escape
from codeflow_engine.storage.sql.journal import effects, signals
from codeflow_engine.storage.sql.journal.locking import Standing, locked
from codeflow_engine.storage.sql.journal.steps import drop_values, put_steps, step_row
from codeflow_engine.storage.sql.records import append_events, event_rows
from codeflow_engine.storage.sql.runs import moment_of, names_json
from codeflow_engine.storage.sql.statements import among
from codeflow_engine.storage.sql.tables import RUNS

__all__ = ["Batch", "prepared", "write"]

_CHANGED = {
    "status": (TEXT, "@"),
    "updated_at": (NUMBER, "@"),
    "wake_at": (NUMBER, "@"),
    "waits_for": (TEXT, "@"),
    "seconds_left": (REAL, "@"),
    "error": (TEXT, "@"),
    "summary": (TEXT, "@"),
    "result": (BYTES, "@"),
}
_KEY = {"tenant": TEXT, "run_id": TEXT}

_GO_ON = change("codeflow_runs", _CHANGED, _KEY)
_GIVE_UP = change(
    "codeflow_runs",
    {
        **_CHANGED,
        "owner": (TEXT, "@"),
        "deadline": (NUMBER, "@"),
        "payload": (FLAG, "CASE WHEN @ THEN NULL ELSE t.payload END"),
    },
    _KEY,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """One write, as rows."""

    place: int
    run_id: str
    fence: int
    is_done: bool
    """Whether one of its steps is done."""

    steps: Sequence[tuple[Any, ...]]
    events: Sequence[tuple[Any, ...]]
    taken: Sequence[tuple[Any, ...]]
    effects: Sequence[tuple[Any, ...]]
    receipts: Sequence[tuple[Any, ...]]
    sent: Sequence[signals.Sent]
    state: _Changed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Changed:
    """Where a run stands from now on, and what that makes of the columns of `_CHANGED`."""

    state: RunState
    waits_for: tuple[str, ...]
    columns: tuple[Any, ...]

    @property
    def holds_on(self) -> bool:
        """Whether the run is still executed by who holds it."""
        return self.state.status is RunStatus.RUNNING


type Batch = Mapping[str, Sequence[_Written]]
"""Writes by tenant, in the order given."""


def prepared(writes: Sequence[RunWrite]) -> Batch:
    """Write everything as rows, before a transaction begins.

    Raises:
        StorageError: Something of it cannot be stored; names it.
    """
    batch: defaultdict[str, list[_Written]] = defaultdict(list)
    for place, one in enumerate(writes):
        batch[one.tenant].append(_prepared(place, one))
    return batch


def write(connection: Connection, batch: Batch) -> tuple[bool, ...]:
    """Write what is still allowed; say of each whether it is written."""
    said: dict[int, bool] = {}
    for tenant in sorted(batch):
        said |= _write(connection, tenant, batch[tenant])
    return tuple(said[place] for place in sorted(said))


def _prepared(place: int, one: RunWrite) -> _Written:
    tenant, run_id = escape(one.tenant), escape(one.run_id)
    return _Written(
        place=place,
        run_id=one.run_id,
        fence=one.fence,
        is_done=any(step.state is StepState.DONE for step in one.steps),
        steps=[step_row(tenant, step) for step in one.steps],
        events=event_rows(one.tenant, one.events),
        taken=[(True, tenant, run_id, escape(signal_id)) for signal_id in one.taken],
        effects=[effects.effect_row(tenant, one.run_id, effect) for effect in one.effects],
        receipts=[effects.receipt_row(tenant, receipt) for receipt in one.receipts],
        sent=[signals.sent(one.tenant, signal) for signal in one.signals],
        state=None if one.state is None else _changed(f"run {one.run_id!r}", one.state),
    )


def _changed(name: str, state: RunState) -> _Changed:
    if state.seconds_left is not None and not isfinite(state.seconds_left):
        raise StorageError(f"{name} cannot be stored: it has no finite time left")
    rests = not (state.status is RunStatus.RUNNING or state.status.is_terminal)
    columns = (
        state.status.value,
        moment_of(name, state.at),
        moment_of(name, state.wake_at) if rests else None,
        names_json(state.waits_for) if rests else None,
        None if state.status.is_terminal else state.seconds_left,
        encode(name, state.error),
        encode(name, state.summary),
        state.result,
    )
    return _Changed(state=state, waits_for=state.waits_for if rests else (), columns=columns)


def _write(connection: Connection, tenant: str, writes: Sequence[_Written]) -> dict[int, bool]:
    targets = {run_id for one in writes for run_id, _ in one.sent}
    rows = locked(connection, tenant, {one.run_id for one in writes} | targets)
    said, kept = _allowed(rows, writes)
    put_steps(connection, _all(one.steps for one in kept))
    append_events(connection, _all(one.events for one in kept))
    signals.TAKE.execute(connection, _all(one.taken for one in kept))
    effects.plan(connection, _all(one.effects for one in kept))
    effects.settle(connection, _all(one.receipts for one in kept))
    sent = [each for one in kept for each in one.sent if each[0] in rows]
    signals.add(connection, tenant, sent)
    _count_anew(connection, tenant, rows, kept)
    states = {one.run_id: one.state for one in kept if one.state is not None}
    _change(connection, tenant, rows, states)
    waits = signals.waits_of(rows, (run_id for run_id, _ in sent))
    waits |= {run_id: changed.waits_for for run_id, changed in states.items()}
    signals.wake(connection, tenant, rows, waits)
    return said


def _allowed(
    rows: Mapping[str, Standing], writes: Sequence[_Written]
) -> tuple[dict[int, bool], list[_Written]]:
    """Tell which writes are made under the newest fence by who still holds the run.

    A call is made again where its answer was lost. What it has written then already counts
    as written, and is left alone: that is so where the run stands as one of the writes has
    left it.
    """
    said: dict[int, bool] = {}
    kept: list[_Written] = []
    by_run: defaultdict[str, list[_Written]] = defaultdict(list)
    for one in writes:
        by_run[one.run_id].append(one)
    for run_id, some in by_run.items():
        row = rows.get(run_id)
        is_held = row is not None and row.status == RunStatus.RUNNING
        before = 0 if row is None or is_held else _repeated(row, some)
        for number, one in enumerate(some):
            is_current = row is not None and one.fence == row.fence
            if number < before:
                said[one.place] = is_current
            elif is_held and is_current:
                said[one.place] = True
                kept.append(one)
                is_held = one.state is None or one.state.holds_on
            else:
                said[one.place] = False
    return said, kept


def _repeated(row: Standing, writes: Sequence[_Written]) -> int:
    """Count the writes of a run that were made already, up to one that has given it up."""
    stands = (row.fence, row.status, row.updated_at)
    for number in range(len(writes), 0, -1):
        one = writes[number - 1]
        if one.state is None or one.state.holds_on:
            continue
        if (one.fence, *one.state.columns[:2]) == stands:
            return number
    return 0


def _count_anew(
    connection: Connection, tenant: str, rows: Mapping[str, Standing], kept: Iterable[_Written]
) -> None:
    """Forget the recoveries of runs that have done a step since."""
    some = {one.run_id for one in kept if one.is_done and rows[one.run_id].recoveries}
    if some:
        theirs = among(connection, RUNS.c.run_id, some)
        counted = update(RUNS).where(RUNS.c.tenant == tenant, theirs)
        connection.execute(counted.values(recoveries=0))


def _change(
    connection: Connection,
    tenant: str,
    rows: Mapping[str, Standing],
    states: Mapping[str, _Changed],
) -> None:
    """Put runs where their states say."""
    go_on, give_up, succeeded = [], [], []
    owner = escape(tenant)
    for run_id, changed in states.items():
        columns, status = changed.columns, changed.state.status
        if changed.holds_on:
            go_on.append((*columns, owner, escape(run_id)))
            continue
        if rows[run_id].cancelling and not status.is_terminal:
            # Who asked for its end was told that it executes, and nobody else ends it.
            columns = (*columns[:2], rows[run_id].created_at, *columns[3:])
        is_over = status is RunStatus.SUCCEEDED
        give_up.append((*columns, None, None, is_over, owner, escape(run_id)))
        if is_over:
            succeeded.append(run_id)
    _GO_ON.execute(connection, go_on)
    _GIVE_UP.execute(connection, give_up)
    if succeeded:
        drop_values(connection, tenant, succeeded)


def _all(rows: Iterable[Sequence[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
    return [*chain.from_iterable(rows)]
