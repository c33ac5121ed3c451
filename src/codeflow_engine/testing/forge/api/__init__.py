"""The routes of the REST API, one table a file."""
