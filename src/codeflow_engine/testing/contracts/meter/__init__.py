"""The suite of meters: what a storage promises that is one, too."""

from codeflow_engine.testing.contracts.meter.contract import MeterContract

__all__ = ["MeterContract"]
