"""Parsing: what stands around lines, and whether a file parses, found in another process.

The files are the author's, and parsers are written in C: deep nesting and other hostile
text may crash them, or keep them busy. Nothing but `asking` runs in the engine's process.
"""
