"""The inner step: confine this process, then become the program that was asked for.

It runs in an interpreter of its own (`-I -S`), is loaded by its path, and imports nothing
of the package and as little of the standard library as it can, because each start of an
isolated program pays for it: `ctypes` costs about 4 ms, `signal` or `json` would cost 5 to
15 ms more. A Python program then runs in this same interpreter, so that isolation costs
no second start.

```text
rung none, bwrap            rung unshare
  guard                       guard                  outside, watches the engine
   └─ program                  └─ first process      pid 1, builds the view, reaps
                                    └─ program
```

Words on the command line: `RUNG PARENT-PID CONTROL-FD STATUS-FD`, then any number of
`limit NAME VALUE`, `scratch BYTES`, `ro SOURCE PATH`, `rw SOURCE PATH`,
`link TARGET PATH`, then `exec WORD...`, `python PACKAGE-PARENT MODULE WORD...` or `nothing`.
The control pipe ends when the engine wants the program gone, or is itself gone. The status
pipe carries lines: `ok` once confinement stands, `error TEXT` when it could not be had,
`exit STATUS` (as from `wait`) when the program has ended.
"""
