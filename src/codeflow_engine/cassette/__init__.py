"""Record and replay: what a run asked the world, and what it was told."""

from codeflow_engine.cassette.compare import Divergence, first_divergence
from codeflow_engine.cassette.entry import Entry
from codeflow_engine.cassette.file import Cassette

__all__ = ["Cassette", "Divergence", "Entry", "first_divergence"]
