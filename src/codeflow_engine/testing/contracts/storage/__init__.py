"""The suite of storages, in parts by what is stored and by what may happen to it."""

from codeflow_engine.testing.contracts.storage.contract import StorageContract

__all__ = ["StorageContract"]
