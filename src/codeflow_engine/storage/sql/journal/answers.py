"""Answers of models, kept so that none is paid for twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from codeflow_engine.domain.bodies import decode, encode
from codeflow_engine.domain.chat import ChatAnswer
from codeflow_engine.storage.sql.bulk import NUMBER, TEXT, insertion
from codeflow_engine.storage.sql.columns import escape
from codeflow_engine.storage.sql.runs import moment_of
from codeflow_engine.storage.sql.statements import among
from codeflow_engine.storage.sql.tables import ANSWERS

__all__ = ["answer_rows", "get_answers", "put_answers"]

_PUT = insertion(
    "codeflow_answers",
    {"tenant": TEXT, "key": TEXT, "put_at": NUMBER, "body": TEXT},
    "DO NOTHING",
)


def answer_rows(
    tenant: str, answers: Mapping[str, ChatAnswer], now: datetime
) -> list[tuple[Any, ...]]:
    """Write answers as rows."""
    owner, at = escape(tenant), moment_of("an answer", now)
    return [
        (owner, escape(key), at, encode(f"answer {key!r}", answer))
        for key, answer in sorted(answers.items())
    ]


def get_answers(
    connection: Connection, tenant: str, keys: Iterable[str]
) -> Mapping[str, ChatAnswer]:
    """Read answers by key; unknown keys are left out."""
    wanted = among(connection, ANSWERS.c.key, set(keys))
    statement = select(ANSWERS.c.key, ANSWERS.c.body).where(ANSWERS.c.tenant == tenant, wanted)
    rows = connection.execute(statement).all()
    stored = [(f"answer {row.key!r}", row.body) for row in rows]
    pairs = zip(rows, decode(ChatAnswer, stored), strict=True)
    return {row.key: answer for row, answer in pairs}


def put_answers(
    connection: Connection, tenant: str, rows: Sequence[tuple[Any, ...]], keys: Iterable[str]
) -> Mapping[str, ChatAnswer]:
    """Insert answers whose key is new; give what is kept under each key."""
    _PUT.execute(connection, rows)
    return get_answers(connection, tenant, keys)
