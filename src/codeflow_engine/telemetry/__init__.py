"""How the engine tells what it does: logs, later spans and metrics."""
