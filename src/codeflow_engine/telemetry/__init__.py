"""How the engine tells what it does: log lines, spans and metrics."""
