"""Which suite is whose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeflow_engine.plugins.registry import Kind
from codeflow_engine.testing.contracts.analyzer import AnalyzerContract
from codeflow_engine.testing.contracts.backend import BackendContract
from codeflow_engine.testing.contracts.cache import CacheContract
from codeflow_engine.testing.contracts.llm import LLMContract
from codeflow_engine.testing.contracts.observer import ObserverContract
from codeflow_engine.testing.contracts.storage import StorageContract
from codeflow_engine.testing.contracts.strategy import StrategyContract
from codeflow_engine.testing.contracts.vcs import VCSContract
from codeflow_engine.testing.contracts.workflow import WorkflowBackendContract

__all__ = ["SUITES"]

SUITES: Mapping[Kind, type[BackendContract[Any]]] = {
    Kind.LLM: LLMContract,
    Kind.VCS: VCSContract,
    Kind.STORAGE: StorageContract,
    Kind.CACHE: CacheContract,
    Kind.WORKFLOW_BACKEND: WorkflowBackendContract,
    Kind.ANALYZER: AnalyzerContract,
    Kind.STRATEGY: StrategyContract,
    Kind.OBSERVER: ObserverContract,
}
"""The suite of each kind of backend."""
