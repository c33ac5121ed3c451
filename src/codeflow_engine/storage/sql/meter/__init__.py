"""The meter in a SQL database: budgets and rate limits that all processes share."""
