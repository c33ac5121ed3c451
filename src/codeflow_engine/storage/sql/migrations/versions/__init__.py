"""One module for each revision.

A module has the form that Alembic wants, except that `upgrade` and `downgrade` are given the
operations and the schema. It never imports the tables: they are of today, it is of its day.
"""
