from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers look often, and put aside what waits at once."""
    monkeypatch.setenv("CODEFLOW_POLL", "0.02")
    monkeypatch.setenv("CODEFLOW_LINGER", "0.02")
