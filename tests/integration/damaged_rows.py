"""Rows that are changed as somebody with an editor would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine

__all__ = ["Damage", "cases", "damaging"]


@dataclass(frozen=True)
class Damage:
    """Changes rows of a database in the back of the storage."""

    url: str
    """Of the database."""

    engine: Engine

    def __call__(self, table: str, sets: str, where: str = "run_id = 'bad'") -> None:
        """Set columns of one row."""
        statement = f"UPDATE codeflow_{table} SET {sets} WHERE {where}"  # noqa: S608 - of a test
        with self.engine.begin() as connection:
            assert connection.exec_driver_sql(statement).rowcount == 1

    @property
    def file(self) -> Path:
        """The file of SQLite."""
        assert self.engine.url.database is not None
        return Path(self.engine.url.database)


@contextmanager
def damaging(url: str) -> Iterator[Damage]:
    """Make what changes the rows of a database."""
    engine = create_engine(url)
    yield Damage(url, engine)
    engine.dispose()


def cases(*given: tuple[str, str]) -> Any:
    """Run a test with each of several drivers and changes of a row."""
    return pytest.mark.parametrize(("sql_storage", "sets"), given, indirect=["sql_storage"])
