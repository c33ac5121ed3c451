"""A lossless, fast index over unified diffs.

```python
diff = Diff.parse(text)
for unit in diff.units:
    file = diff.files[unit.file]
    print(file.path, file.status, unit.hunk)
assert diff.render() == text
```

Reading checks everything (line counts of hunks, header lines, binary blocks) and keeps
only offsets; files, hunks and lines are made when they are asked for. What is no part of
a file's section, such as commit messages and mail signatures, belongs to no entry.

What cannot be read is never passed over in silence: it is a `DiffError`, or, where a diff
names a change without showing it, an entry whose `unsupported` holds the reason.
"""

from codeflow_engine.domain.diff.applying import apply
from codeflow_engine.domain.diff.entry import Diff, DiffFile, Unit
from codeflow_engine.domain.diff.headers import FileStatus
from codeflow_engine.domain.diff.hunk import Hunk, Line, LineKind, Side
from codeflow_engine.domain.diff.spans import Span

__all__ = [
    "Diff",
    "DiffFile",
    "FileStatus",
    "Hunk",
    "Line",
    "LineKind",
    "Side",
    "Span",
    "Unit",
    "apply",
]
