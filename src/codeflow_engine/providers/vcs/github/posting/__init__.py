"""Writes to pull requests of GitHub, one kind of effect a file, and reads their threads.

Whatever is written is looked for first, by markers of our own author: a write that seemed to
fail may have been done. Nothing here writes twice by itself.
"""

from codeflow_engine.providers.vcs.github.posting.desk import deliver, find_effects, withdraw
from codeflow_engine.providers.vcs.github.posting.pull import Pull
from codeflow_engine.providers.vcs.github.posting.threads import read_threads

__all__ = ["Pull", "deliver", "find_effects", "read_threads", "withdraw"]
