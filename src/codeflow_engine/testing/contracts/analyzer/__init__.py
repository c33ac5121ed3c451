"""The suite of analyzers."""

from codeflow_engine.testing.contracts.analyzer.asking import Expected
from codeflow_engine.testing.contracts.analyzer.contract import AnalyzerContract

__all__ = ["AnalyzerContract", "Expected"]
