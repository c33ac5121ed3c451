"""A kit for plugin authors: fakes, faults, and a contract suite for each kind of backend.

It needs the extra `testing`. Nothing of the engine imports it.
"""
