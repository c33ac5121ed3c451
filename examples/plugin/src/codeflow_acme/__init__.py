"""Backends for codeflow-engine: an analyzer of SQL in Python, and changes as two trees."""
