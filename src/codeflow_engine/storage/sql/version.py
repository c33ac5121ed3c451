"""Which form the tables of a database have; without Alembic, whose import is slow."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    inspect,
    select,
)

from codeflow_engine.errors import SchemaVersionError
from codeflow_engine.storage.sql.bulk import in_schema
from codeflow_engine.storage.sql.tables import REVISION, REVISIONS, VERSION_TABLE, metadata_for

__all__ = ["SchemaState", "SchemaVersion", "create", "demand", "read"]


class SchemaState(StrEnum):
    """How the tables of a database relate to this version of the package."""

    CURRENT = "current"
    OUTDATED = "outdated"
    """They can be upgraded."""

    NEWER = "newer"
    """A newer version of the package has upgraded them."""

    ABSENT = "absent"
    """There are none yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaVersion:
    """What a database has, and what this version of the package needs."""

    state: SchemaState
    found: str | None
    """Revision of the database; None where it has no tables."""

    needed: str = REVISION


def read(connection: Connection, schema: str | None) -> SchemaVersion:
    """Read the revision of a database, within the transaction of the caller."""
    if not inspect(connection).has_table(VERSION_TABLE, schema=schema):
        return SchemaVersion(state=SchemaState.ABSENT, found=None)
    table = _table(schema)
    # A host may look for its own tables elsewhere, and mean it for statements without a schema.
    here = in_schema(schema)
    found = (
        connection.execute(select(table.c.version_num), execution_options=here).scalars().first()
    )
    if found is None:
        return SchemaVersion(state=SchemaState.ABSENT, found=None)
    if found == REVISION:
        state = SchemaState.CURRENT
    else:
        state = SchemaState.OUTDATED if found in REVISIONS else SchemaState.NEWER
    return SchemaVersion(state=state, found=found)


def create(connection: Connection) -> None:
    """Make all tables of the current revision, within the transaction of the caller."""
    metadata_for(connection.dialect.name).create_all(connection, checkfirst=False)
    table = _table(None)
    table.create(connection, checkfirst=True)
    connection.execute(table.insert().values(version_num=REVISION))


def demand(version: SchemaVersion, place: str) -> None:
    """See that this version of the package can use a database.

    Raises:
        SchemaVersionError: It has to be migrated, or is too new.
    """
    if version.state is SchemaState.CURRENT:
        return
    if version.state is SchemaState.NEWER:
        raise SchemaVersionError(
            f"{place} has revision {version.found!r}, which this version of codeflow-engine "
            f"does not know; it needs {version.needed!r}: update the package"
        )
    has = "no tables yet" if version.found is None else f"revision {version.found!r}"
    raise SchemaVersionError(
        f"{place} has {has}; this version of codeflow-engine needs {version.needed!r}: "
        f"run `codeflow db upgrade --db URL`, or `migrate()` of the storage"
    )


def _table(schema: str | None) -> Table:
    """Describe the table of the revision as Alembic makes it."""
    number = Column("version_num", String(32), nullable=False)
    key = PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc")
    return Table(VERSION_TABLE, MetaData(), number, key, schema=schema)
