"""The one way to start a process."""

from codeflow_engine.sandbox.sandbox import Sandbox
from codeflow_engine.sandbox.session import Session
from codeflow_engine.sandbox.values import Completed, Isolation, Limits

__all__ = ["Completed", "Isolation", "Limits", "Sandbox", "Session"]
