"""What the shipped scans look for; each check has a room of its own.

Like everything that runs in a scan's process, a check imports little: each scan pays for
its imports again.
"""
