"""A small service that has the pull requests of a company reviewed."""
