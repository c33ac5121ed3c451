"""Analyzers that ship with the engine, and the mechanism for those that scan a diff."""
