"""Bookings and top-ups: each is locked by its id, and then the accounts that it changes."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from codeflow_engine.domain.budget import Balance, Reservation
from codeflow_engine.storage import sums
from codeflow_engine.storage.sql.columns import escape, unescape
from codeflow_engine.storage.sql.damage import DAMAGED, damaged, reading
from codeflow_engine.storage.sql.meter import accounts
from codeflow_engine.storage.sql.statements import among, bounded, inserting
from codeflow_engine.storage.sql.tables import BOOKINGS, TOP_UPS
from codeflow_engine.storage.sums import Amount, Booking

__all__ = ["prune_bookings", "reserve", "settle", "top_up"]


def reserve(connection: Connection, tenant: str, reservation: Reservation) -> str | None:
    """Book on all scopes, or on none; give the first scope that has not enough left."""
    known = reservation.reservation_id
    before = _claim(connection, tenant, known)
    scopes = {*reservation.scopes, *before.open_on}
    there = accounts.locked(connection, tenant, scopes, create=True)
    booked = sums.book(there, before, reservation)
    if isinstance(booked, str):
        if not before.scopes:
            # It was made a moment ago, to have something that can be locked.
            connection.execute(delete(BOOKINGS).where(*_is(tenant, known)))
        return booked
    changed, booking = booked
    accounts.put(connection, tenant, changed)
    _put(connection, tenant, known, booking)
    return None


def settle(
    connection: Connection, tenant: str, reservation_id: str, amount: Amount, at: datetime
) -> None:
    """Put what a call did cost in the place of its booking."""
    asked = select(BOOKINGS).where(*_is(tenant, reservation_id)).with_for_update()
    row = connection.execute(asked).first()
    if row is None:
        return
    booking = _booking(reservation_id, row)
    there = accounts.locked(connection, tenant, booking.scopes, create=False)
    changed, settled = sums.settle(there, booking, amount, at)
    accounts.put(connection, tenant, changed)
    _put(connection, tenant, reservation_id, settled)


def top_up(
    connection: Connection, tenant: str, scope: str, amount: Amount, top_up_id: str
) -> Balance:
    """Give a scope more to spend, once for each id."""
    row = {"tenant": tenant, "top_up_id": top_up_id, "scope": scope}
    insert = inserting(connection)(TOP_UPS).values(**row, usd=amount.usd, tokens=amount.tokens)
    insert = insert.on_conflict_do_nothing(index_elements=["tenant", "top_up_id"])
    is_new = connection.execute(insert.returning(TOP_UPS.c.top_up_id)).first() is not None
    if is_new:
        account = accounts.locked(connection, tenant, [scope], create=True)[scope]
        accounts.put(connection, tenant, {scope: account.top_up(amount)})
    (balance,) = accounts.read_balances(connection, tenant, [scope])
    return balance


def prune_bookings(connection: Connection, tenant: str, before: datetime, limit: int) -> int:
    """Forget the bookings that were settled first, before a moment; they stay spent."""
    is_old = (BOOKINGS.c.tenant == tenant) & (BOOKINGS.c.settled_at < before)
    oldest = (
        select(BOOKINGS.c.reservation_id)
        .where(is_old)
        .order_by(BOOKINGS.c.settled_at, BOOKINGS.c.reservation_id)
        .limit(bounded(limit))
        # What somebody settles or books again is not old any more.
        .with_for_update(skip_locked=True)
    )
    ids = connection.execute(oldest).scalars().all()
    if not ids:
        return 0
    gone = among(connection, BOOKINGS.c.reservation_id, ids)
    return connection.execute(delete(BOOKINGS).where(is_old, gone)).rowcount


def _claim(connection: Connection, tenant: str, reservation_id: str) -> Booking:
    """Lock a booking, and read it; make one of nothing where there is none."""
    insert = inserting(connection)(BOOKINGS).values(
        tenant=tenant, reservation_id=reservation_id, scopes="[]", usd=0, tokens=0
    )
    # It changes nothing, but locks and gives the row that is there.
    same = {"scopes": BOOKINGS.c.scopes}
    insert = insert.on_conflict_do_update(index_elements=["tenant", "reservation_id"], set_=same)
    row = connection.execute(insert.returning(BOOKINGS)).one()
    return _booking(reservation_id, row)


def _put(connection: Connection, tenant: str, reservation_id: str, booking: Booking) -> None:
    values = {
        "scopes": json.dumps([escape(one) for one in booking.scopes]),
        "usd": booking.amount.usd,
        "tokens": booking.amount.tokens,
        "settled_at": booking.settled_at,
    }
    connection.execute(update(BOOKINGS).where(*_is(tenant, reservation_id)).values(values))


def _is(tenant: str, reservation_id: str) -> tuple[Any, ...]:
    return BOOKINGS.c.tenant == tenant, BOOKINGS.c.reservation_id == reservation_id


def _booking(reservation_id: str, row: Any) -> Booking:
    name = f"booking {reservation_id!r}"
    with reading(name):
        scopes = tuple(unescape(one) for one in json.loads(row.scopes))
        amount = Amount(accounts.number(row.usd), accounts.number(row.tokens))
    if row.settled_at is DAMAGED:
        raise damaged(name)
    return Booking(amount, scopes, row.settled_at)
