"""What the storage on SQLite loads counts in every start of the command."""

from __future__ import annotations

import subprocess
import sys

LOADED = """
import sys
import codeflow_engine.storage.sql
print([name for name in sys.modules if name.startswith("sqlalchemy.dialects.postgresql")])
"""


def test_no_dialect_is_loaded_that_is_not_used() -> None:
    """An index whose condition names PostgreSQL brings all of that dialect."""
    ran = subprocess.run(
        [sys.executable, "-c", LOADED], check=True, stdout=subprocess.PIPE, text=True
    )

    assert ran.stdout == "[]\n"
