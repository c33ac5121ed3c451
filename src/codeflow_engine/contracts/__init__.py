"""What a plugin promises: one abstract class per kind of backend.

The docstrings here are normative. A backend derives from its class, states its
`capabilities`, and passes the contract suite of its kind. Callers branch on capabilities,
never on a type or a name.
"""

from codeflow_engine.contracts.analyzer import (
    Analysis,
    Analyzer,
    AnalyzerCapability,
    AnalyzerReport,
)
from codeflow_engine.contracts.backend import Backend
from codeflow_engine.contracts.cache import Cache
from codeflow_engine.contracts.journal import Journal
from codeflow_engine.contracts.llm import LLM, LLMCapability, ModelGateway
from codeflow_engine.contracts.meter import Meter
from codeflow_engine.contracts.observer import Observer
from codeflow_engine.contracts.storage import Pruned, Storage, StorageCapability
from codeflow_engine.contracts.strategy import Ask, Chunk, Inspection, Strategy
from codeflow_engine.contracts.vcs import VCS, VCSCapability
from codeflow_engine.contracts.workflow import Execute, WorkflowBackend, WorkflowCapability

__all__ = [
    "LLM",
    "VCS",
    "Analysis",
    "Analyzer",
    "AnalyzerCapability",
    "AnalyzerReport",
    "Ask",
    "Backend",
    "Cache",
    "Chunk",
    "Execute",
    "Inspection",
    "Journal",
    "LLMCapability",
    "Meter",
    "ModelGateway",
    "Observer",
    "Pruned",
    "Storage",
    "StorageCapability",
    "Strategy",
    "VCSCapability",
    "WorkflowBackend",
    "WorkflowCapability",
]
