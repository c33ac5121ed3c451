"""Which suite is whose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeflow_engine.plugins.registry import Kind
from codeflow_engine.testing.contracts.backend import BackendContract
from codeflow_engine.testing.contracts.observer import ObserverContract

__all__ = ["SUITES"]

SUITES: Mapping[Kind, type[BackendContract[Any]]] = {
    Kind.OBSERVER: ObserverContract,
}
"""The suite of each kind that has one."""
