"""Signals: messages that wait for a step to receive them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, false, func, select

from codeflow_engine.domain.bodies import decode, encode
from codeflow_engine.domain.journal import Notice, Signal
from codeflow_engine.errors import StorageError
from codeflow_engine.storage.sql.bulk import FLAG, NUMBER, TEXT, change, insertion
from codeflow_engine.storage.sql.columns import escape
from codeflow_engine.storage.sql.journal.locking import Standing, locked
from codeflow_engine.storage.sql.runs import check_moment
from codeflow_engine.storage.sql.statements import among
from codeflow_engine.storage.sql.tables import RUNS, SIGNALS

__all__ = [
    "TAKE",
    "Sent",
    "add",
    "notices",
    "read_signals",
    "send",
    "sent",
    "waits_of",
    "wake",
]

_ADD = insertion(
    "codeflow_signals",
    {
        "tenant": TEXT,
        "run_id": TEXT,
        "signal_id": TEXT,
        "name": TEXT,
        "body": TEXT,
        "number": NUMBER,
        "taken": FLAG,
    },
    "DO NOTHING",
)

TAKE = change(
    "codeflow_signals",
    {"taken": (FLAG, "@")},
    {"tenant": TEXT, "run_id": TEXT, "signal_id": TEXT},
)
"""Marks signals as received."""

_WAKE = change("codeflow_runs", {"wake_at": (NUMBER, "@")}, {"tenant": TEXT, "run_id": TEXT})

_MOST_NUMBER = 2**63 - 1

type Sent = tuple[str, tuple[Any, ...]]
"""The run that a signal goes to, and its row, which has no number yet."""


def sent(tenant: str, signal: Signal) -> Sent:
    """Write a signal as a row.

    Raises:
        StorageError: It cannot be stored; names the signal.
    """
    name = f"signal {signal.signal_id!r} of run {signal.run_id!r}"
    check_moment(signal.sent_at)
    key = (escape(tenant), escape(signal.run_id), escape(signal.signal_id))
    return signal.run_id, (*key, escape(signal.name), encode(name, signal))


def send(connection: Connection, tenant: str, signals: Sequence[Sent]) -> tuple[bool, ...]:
    """Send signals, and wake who waits for them; say of each whether its run is there."""
    rows = locked(connection, tenant, {run_id for run_id, _ in signals})
    known = [one for one in signals if one[0] in rows]
    add(connection, tenant, known)
    wake(connection, tenant, rows, {run_id: rows[run_id].names() for run_id, _ in known})
    return tuple(run_id in rows for run_id, _ in signals)


def add(connection: Connection, tenant: str, signals: Sequence[Sent]) -> None:
    """Insert signals to runs that are locked, numbered in the order in which they come."""
    if not signals:
        return
    theirs = among(connection, SIGNALS.c.run_id, {run_id for run_id, _ in signals})
    last = select(SIGNALS.c.run_id, func.max(SIGNALS.c.number)).where(
        # On SQLite a text that was put there is greater than any number, and no number.
        *(SIGNALS.c.tenant == tenant, theirs, SIGNALS.c.number < _MOST_NUMBER)
    )
    found = connection.execute(last.group_by(SIGNALS.c.run_id))
    numbers: dict[str, int] = {row[0]: row[1] for row in found}
    rows = []
    for run_id, row in signals:
        numbers[run_id] = numbers.get(run_id, 0) + 1
        rows.append((*row, numbers[run_id], False))
    _ADD.execute(connection, rows)


def waits_of(rows: Mapping[str, Standing], run_ids: Iterable[str]) -> dict[str, Iterable[str]]:
    """Read what locked runs wait for.

    A damaged one is left out: whoever tells it of an end has to come to its own, and who
    executes it hears of the damage.
    """
    found: dict[str, Iterable[str]] = {}
    for run_id in run_ids:
        with suppress(StorageError):
            found[run_id] = rows[run_id].names()
    return found


def wake(
    connection: Connection,
    tenant: str,
    rows: Mapping[str, Standing],
    waits: Mapping[str, Iterable[str]],
) -> None:
    """Make runs due at once that wait for a signal which is there.

    Args:
        connection: In a transaction.
        tenant: Whose runs.
        rows: Locked runs.
        waits: For some of them the signals that they wait for now.
    """
    names = {run_id: some for run_id, all_ in waits.items() if (some := frozenset(all_))}
    if not names:
        return
    there = select(SIGNALS.c.run_id, SIGNALS.c.name).where(
        SIGNALS.c.tenant == tenant,
        among(connection, SIGNALS.c.run_id, names),
        SIGNALS.c.taken == false(),
    )
    found = {row.run_id for row in connection.execute(there) if row.name in names[row.run_id]}
    _wake(connection, tenant, [rows[run_id] for run_id in sorted(found)])


def _wake(connection: Connection, tenant: str, rows: Iterable[Standing]) -> None:
    """Make locked runs due at once: since their creation, which no clock is behind."""
    owner = escape(tenant)
    _WAKE.execute(connection, [(row.created_at, owner, escape(row.run_id)) for row in rows])


def read_signals(connection: Connection, tenant: str, run_id: str) -> tuple[Signal, ...]:
    """Read the signals that no step has received, in the order in which they came."""
    columns = SIGNALS.c
    statement = (
        select(columns.signal_id, columns.body)
        .where(columns.tenant == tenant, columns.run_id == run_id, columns.taken == false())
        .order_by(columns.number)
    )
    rows = connection.execute(statement).all()
    names = [f"signal {row.signal_id!r} of run {run_id!r}" for row in rows]
    return tuple(decode(Signal, [(name, row.body) for name, row in zip(names, rows, strict=True)]))


def notices(connection: Connection, tenant: str, run_ids: Iterable[str]) -> tuple[Notice, ...]:
    """Read what was said about runs, in the order of the ids."""
    asked = list(run_ids)
    untaken = (
        select(func.count())
        .where(SIGNALS.c.tenant == RUNS.c.tenant, SIGNALS.c.run_id == RUNS.c.run_id)
        .where(SIGNALS.c.taken == false())
        .scalar_subquery()
    )
    statement = select(RUNS.c.run_id, RUNS.c.fence, RUNS.c.cancelling, untaken).where(
        RUNS.c.tenant == tenant, among(connection, RUNS.c.run_id, set(asked))
    )
    # What is said of a damaged run is not known, and must not hide what is said of others.
    found = {
        run_id: Notice(run_id=run_id, fence=fence, cancelling=cancelling, signals=count)
        for run_id, fence, cancelling, count in connection.execute(statement)
        if isinstance(fence, int)
    }
    return tuple(found[run_id] for run_id in asked if run_id in found)
