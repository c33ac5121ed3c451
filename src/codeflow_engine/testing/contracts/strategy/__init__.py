"""The suite of strategies, and what its models say."""

from codeflow_engine.testing.contracts.strategy.suite import Answer, StrategyContract

__all__ = ["Answer", "StrategyContract"]
