"""Errors of drivers become errors that say what is wrong, and quote nothing of their text."""

from __future__ import annotations

import errno
import os

import psycopg
import psycopg2
import pytest
from sqlalchemy import exc

from codeflow_engine.errors import StorageUnavailableError
from codeflow_engine.storage.sql.failures import Again, classify


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (psycopg.errors.ConnectionTimeout("connection timeout expired"), " (no answer in time)"),
        (psycopg.OperationalError("failed to resolve host 'secret': no"), " (unknown host)"),
        (
            psycopg2.OperationalError('could not translate host name "secret" to address'),
            " (unknown host)",
        ),
        (
            psycopg2.OperationalError(f"secret failed: {os.strerror(errno.ECONNREFUSED)}"),
            " (ECONNREFUSED)",
        ),
        (psycopg.OperationalError(f"secret: {os.strerror(errno.ENETUNREACH)}"), " (ENETUNREACH)"),
        (psycopg.OperationalError("secret"), ""),
    ],
    ids=["timeout", "resolve", "translate", "refused", "unreachable", "unknown"],
)
def test_why_a_server_cannot_be_reached_is_told_without_its_words(
    error: psycopg.OperationalError | psycopg2.OperationalError, why: str
) -> None:
    """The kinds that people meet have a word of ours; of all others nothing is told."""
    raised = exc.OperationalError(None, None, error)

    failure = classify(raised, "the database", connected=False)

    assert isinstance(failure.error, StorageUnavailableError)
    assert failure.error.message == f"the database cannot be reached{why}"
    assert failure.again is Again.UNREACHABLE
