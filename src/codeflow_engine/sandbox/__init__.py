"""The one way to start a process: with no key in reach, bounded, and ended as a whole.

Programs that read a change are started isolated, on the best of three rungs that works
here; `Sandbox.isolation` tells which. Trusted ones, such as git under a configuration of
the engine's own, are started with `isolate=False`.

| what holds | `bwrap` | `unshare` | `none` | trusted |
|---|---|---|---|---|
| environment: five fixed variables and the caller's | yes | yes | yes | yes |
| own session, no inherited descriptor, no shell | yes | yes | yes | yes |
| deadline, caps on output, end at cancellation | yes | yes | yes | yes |
| its process group ends with it | yes | yes | yes | yes |
| so does what left the group | yes | yes | unless hostile | no |
| it ends when the engine is killed | yes | yes | unless hostile | itself, with `setpriv` |
| other processes and their environment | hidden | hidden | open | open |
| the host's files | named ones | named ones | open | open |
| no network, no socket | yes | yes | by filter (1) | no |
| no capability, no new privilege | yes | yes | yes | no new one, with `setpriv` |
| limits of CPU, memory, file size, open files | yes | yes | yes | just after its start |
| limit of processes (2) | yes | yes | no | no |
| private directory | in memory, bounded | in memory, bounded | on disk | on disk |
| needs | bubblewrap, user namespaces | Linux 5.12, user namespaces | - | - |

(1) A filter of system calls, on x86_64 and aarch64; the upper rungs have it as well.
(2) From Linux 5.14 on, and not when the engine runs as root: the kernel counts no process
of root. The deadline ends a fork bomb there, too.

Not promised on any rung: a kernel without faults, silence of side channels, a bound on the
memory of all processes of a program together, or secrecy of what lies under `/usr` and in
the interpreter's own installation. On rung `none` a program can read whatever the engine's
user can, the environment of the engine's process included (of root's engine only files):
programs that may execute code of a change must not run there.
"""

from codeflow_engine.sandbox.sandbox import Sandbox
from codeflow_engine.sandbox.session import Session
from codeflow_engine.sandbox.values import Completed, Isolation, Limits

__all__ = ["Completed", "Isolation", "Limits", "Sandbox", "Session"]
