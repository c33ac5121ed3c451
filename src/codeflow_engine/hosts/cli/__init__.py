"""The command line `codeflow`.

```console
$ codeflow review                        # the working tree against HEAD
$ codeflow review --base main            # what this branch adds to main
$ git diff | codeflow review --diff -    # a patch, from anywhere
$ codeflow review acme/shop#42 --publish # a pull request, to which the review is written
$ codeflow runs --follow                 # what was reviewed, what is under way
$ codeflow resume RUN                    # go on with one that was cut short
$ codeflow worker --db URL               # execute what others submit, until told to end
$ codeflow plugins                       # what can be used here, and what cannot
$ codeflow doctor                        # whether everything stands that a review needs
```

The report goes to standard output and nothing else does; progress and errors go to standard
error. What a review ends with is its exit status, the same for every command:

| status | meaning |
|---|---|
| 0 | complete, and nothing at or above `--fail-on` |
| 1 | complete, with findings at or above `--fail-on` |
| 2 | wrong usage or configuration: nothing was reviewed |
| 3 | not complete: a review that is partial, skipped or failed is never green; or not published |
| 130 | interrupted; by SIGTERM 143. The review is cancelled, and can be resumed |
"""

from codeflow_engine.hosts.cli.program import main

__all__ = ["main"]
