"""What analyzers share that run a foreign tool over private copies of Python files."""

from codeflow_engine.providers.analyzer.tools.source import Edit, Source, is_stub
from codeflow_engine.providers.analyzer.tools.tool import FileTool
from codeflow_engine.providers.analyzer.tools.values import Copies, ToolLimits

__all__ = ["Copies", "Edit", "FileTool", "Source", "ToolLimits", "is_stub"]
