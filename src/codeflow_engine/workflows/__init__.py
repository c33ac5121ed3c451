"""The workflows that ship with the engine, each a readable list of steps."""
