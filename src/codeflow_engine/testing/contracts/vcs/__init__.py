"""The suite of VCS hosts."""

from codeflow_engine.testing.contracts.vcs.contract import VCSContract
from codeflow_engine.testing.contracts.vcs.published import Publish, Published

__all__ = ["Publish", "Published", "VCSContract"]
