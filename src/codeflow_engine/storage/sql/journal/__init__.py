"""The journal of runs: plain functions of a connection in a transaction, one file a subject."""
