"""Strategies: how models are asked about a chunk of a change."""
