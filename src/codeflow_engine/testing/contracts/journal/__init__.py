"""The suite of journals: what a storage promises that is one, too."""

from codeflow_engine.testing.contracts.journal.contract import JournalContract

__all__ = ["JournalContract"]
