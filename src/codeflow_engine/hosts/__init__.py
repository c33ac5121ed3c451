"""Programs that put an engine to work: a command line, and adapters for frameworks."""
