"""The contract suites: what a backend of each kind promises, as tests.

A plugin's own tests derive from the suite of its kind; `BackendContract` says how.
"""

from codeflow_engine.testing.contracts.analyzer import AnalyzerContract, Expected
from codeflow_engine.testing.contracts.backend import BackendContract, lacks, requires
from codeflow_engine.testing.contracts.cache import CacheContract
from codeflow_engine.testing.contracts.journal import JournalContract
from codeflow_engine.testing.contracts.llm import (
    HTTPReply,
    HTTPRequest,
    HTTPWire,
    LLMContract,
    Reply,
    ReplyKind,
    Wire,
)
from codeflow_engine.testing.contracts.meter import MeterContract
from codeflow_engine.testing.contracts.observer import ObserverContract
from codeflow_engine.testing.contracts.storage import StorageContract
from codeflow_engine.testing.contracts.strategy import StrategyContract
from codeflow_engine.testing.contracts.suites import SUITES
from codeflow_engine.testing.contracts.vcs import Published, VCSContract
from codeflow_engine.testing.contracts.workflow import WorkflowBackendContract

__all__ = [
    "SUITES",
    "AnalyzerContract",
    "BackendContract",
    "CacheContract",
    "Expected",
    "HTTPReply",
    "HTTPRequest",
    "HTTPWire",
    "JournalContract",
    "LLMContract",
    "MeterContract",
    "ObserverContract",
    "Published",
    "Reply",
    "ReplyKind",
    "StorageContract",
    "StrategyContract",
    "VCSContract",
    "Wire",
    "WorkflowBackendContract",
    "lacks",
    "requires",
]
