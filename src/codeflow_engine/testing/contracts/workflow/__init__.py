"""The suite of workflow backends, in parts."""

from codeflow_engine.testing.contracts.workflow.suite import WorkflowBackendContract

__all__ = ["WorkflowBackendContract"]
