"""The contract suites: what a backend of each kind promises, as tests.

A plugin's own tests derive from the suite of its kind; `BackendContract` says how.
"""

from codeflow_engine.testing.contracts.backend import BackendContract, lacks, requires
from codeflow_engine.testing.contracts.cache import CacheContract
from codeflow_engine.testing.contracts.observer import ObserverContract
from codeflow_engine.testing.contracts.storage import StorageContract

__all__ = [
    "BackendContract",
    "CacheContract",
    "ObserverContract",
    "StorageContract",
    "lacks",
    "requires",
]
