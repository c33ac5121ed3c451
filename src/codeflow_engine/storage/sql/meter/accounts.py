"""The rows of accounts, which are changed under a lock alone.

They are locked in one order, so that two writers don't block each other for good: first those
are inserted that are missing, and only then any is locked. SQLite has one writer at a time.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select

from codeflow_engine.domain.budget import Balance
from codeflow_engine.storage.sql.bulk import NUMBER, TEXT, Question, change, insertion
from codeflow_engine.storage.sql.columns import escape, unescape
from codeflow_engine.storage.sql.damage import reading
from codeflow_engine.storage.sql.statements import among
from codeflow_engine.storage.sql.tables import ACCOUNTS
from codeflow_engine.storage.sums import Account, Amount

__all__ = ["locked", "number", "put", "read_balances", "remove"]

_KEY = {"tenant": TEXT, "scope": TEXT}
_SUMS = (
    *("booked_usd", "booked_tokens", "added_usd", "added_tokens"),
    *("open_usd", "open_tokens"),
)

_INSERT = insertion("codeflow_accounts", {**_KEY, **dict.fromkeys(_SUMS, NUMBER)}, "DO NOTHING")
_CHANGE = change("codeflow_accounts", dict.fromkeys(_SUMS, (NUMBER, "@")), _KEY)
_COLUMNS = ", ".join(f"t.{name}" for name in ("scope", *_SUMS))
_LOCK = Question(
    sqlite=f"SELECT {_COLUMNS} FROM json_each(?) AS r CROSS JOIN codeflow_accounts AS t "  # noqa: S608 - our own names
    f"WHERE t.tenant = ? AND t.scope = r.value",
    postgresql=f"SELECT {_COLUMNS} FROM {{schema}}codeflow_accounts AS t WHERE t.scope = ANY(ARRAY("  # noqa: S608 - our own names
    f"SELECT json_array_elements_text(CAST(CAST(? AS text) AS json)))) AND t.tenant = ? "
    f"ORDER BY t.scope FOR UPDATE",
)


def locked(
    connection: Connection, tenant: str, scopes: Collection[str], *, create: bool
) -> Mapping[str, Account]:
    """Lock accounts, and read them; those that are not there are made, or left out."""
    if not scopes:
        return {}
    owner, names = escape(tenant), sorted(map(escape, set(scopes)))
    if create:
        _INSERT.execute(connection, [(owner, name, *(0,) * len(_SUMS)) for name in names])
    asked = json.dumps(names, ensure_ascii=False)
    rows = _LOCK.ask(connection, asked, owner)
    return {(scope := unescape(row[0])): _account(scope, row[1:]) for row in rows}


def put(connection: Connection, tenant: str, accounts: Mapping[str, Account]) -> None:
    """Write accounts that are locked."""
    owner = escape(tenant)
    rows = [
        (
            *(one.booked.usd, one.booked.tokens, one.added.usd, one.added.tokens),
            *(one.open.usd, one.open.tokens),
            *(owner, escape(scope)),
        )
        for scope, one in sorted(accounts.items())
    ]
    _CHANGE.execute(connection, rows)


def remove(connection: Connection, tenant: str, scopes: Collection[str]) -> None:
    """Remove accounts."""
    there = locked(connection, tenant, scopes, create=False)
    if there:
        gone = among(connection, ACCOUNTS.c.scope, there)
        connection.execute(delete(ACCOUNTS).where(ACCOUNTS.c.tenant == tenant, gone))


def read_balances(
    connection: Connection, tenant: str, scopes: Sequence[str]
) -> tuple[Balance, ...]:
    """Tell how scopes stand, in the order given."""
    wanted = among(connection, ACCOUNTS.c.scope, set(scopes))
    columns = (ACCOUNTS.c.scope, *(ACCOUNTS.c[name] for name in _SUMS))
    rows = connection.execute(select(*columns).where(ACCOUNTS.c.tenant == tenant, wanted)).all()
    found = {row.scope: _account(row.scope, row[1:]) for row in rows}
    return tuple(found.get(one, Account()).balance(one) for one in scopes)


def number(value: Any) -> int:
    """Take what a column of numbers holds.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(value, int):
        raise TypeError
    return value


def _account(scope: str, sums: Sequence[Any]) -> Account:
    with reading(f"account {scope!r}"):
        booked_usd, booked_tokens, added_usd, added_tokens, *undecided = map(number, sums)
        booked, added = Amount(booked_usd, booked_tokens), Amount(added_usd, added_tokens)
        return Account(booked, added, Amount(*undecided))
