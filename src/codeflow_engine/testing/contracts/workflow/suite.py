"""The suite of workflow backends."""

from __future__ import annotations

from codeflow_engine.testing.contracts.workflow.accepting import Accepting
from codeflow_engine.testing.contracts.workflow.delaying import Delaying
from codeflow_engine.testing.contracts.workflow.ending import Ending
from codeflow_engine.testing.contracts.workflow.spreading import Spreading

__all__ = ["WorkflowBackendContract"]


class WorkflowBackendContract(Accepting, Ending, Delaying, Spreading):
    """What every workflow backend promises; see `codeflow_engine.contracts.WorkflowBackend`.

    Runs execute where the suite can see them: in the backends that `create` made, which are
    started with a function of the suite. One that is distributed has no other workers here.
    Whether a run reaches another machine is for the author's own tests.
    """
