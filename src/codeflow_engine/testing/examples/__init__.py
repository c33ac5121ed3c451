r"""Example changes: small trees before and after, with the diff between them.

```python
from codeflow_engine.testing.examples import EXAMPLES, Example, ExampleFile

for example in EXAMPLES:
    print(example.name, len(example.diff.units))

mine = Example(
    name="mine",
    base={"a.sql": ExampleFile(content=b"SELECT 1;\n")},
    head={"a.sql": ExampleFile(content=b"SELECT *;\n")},
)
```

The suites of analyzers and of VCS hosts use them, and so may any test. `EXAMPLES` has them
one by one, `TOGETHER` is one change that holds them all, each in a directory of its name,
and `named` finds one by its name.
"""

from codeflow_engine.testing.examples.example import (
    LINK,
    PROGRAM,
    REGULAR,
    SUBMODULE,
    Example,
    ExampleFile,
    together,
)
from codeflow_engine.testing.examples.shipped import EXAMPLES, TOGETHER, named

__all__ = [
    "EXAMPLES",
    "LINK",
    "PROGRAM",
    "REGULAR",
    "SUBMODULE",
    "TOGETHER",
    "Example",
    "ExampleFile",
    "named",
    "together",
]
