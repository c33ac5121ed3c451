"""Runs: the workflow author's API, the events of a run, and who executes it."""
