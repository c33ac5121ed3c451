"""The faults that durable runs live through, each by its number, and where it is held.

| number | what fails | held in |
|---|---|---|
| D1-D7 | the worker, by SIGKILL, between and inside of steps and effects | `test_killed_runs` |
| D1-D7 | the same, at any boundary of a review that is published | `test_kill_schedules` |
| D5, D6, D35 | the worker, at any boundary and any write to GitHub | `test_kills_of_publishing` |
| D8-D13 | nothing, but workers are many; one is stopped, and wakes up | `test_claimed_runs` |
| D14-D19 | the database | `test_runs_on_failing_databases`; below runs `test_sql_faults` |
| D20-D22 | the file of a database | `test_runs_on_failing_files`; below runs `test_sql_faults` |
| D23-D25 | Redis | not here: there is no Redis in the package yet |
| D26, D27 | the deliveries of a forge | not here: there are no webhooks in the package yet |
| D28, D29 | nothing, but heads come faster than reviews | `test_github_heads` |
| D30-D37 | clocks, deadlines, people who cancel, and runs that kill | `test_ends_of_runs` |
| D38-D40 | the code: changed, missing, or with values that cannot be kept | `test_changed_code` |
| D41 | migrations | `test_sql_migrations`, `test_sql_processes`, `test_sql_faults` |
| D42, D43 | the host: it forks, or closes nothing | `test_closing` |
| D44-D46 | nothing, but there is much to do, and somebody tidies up | `test_many_runs` |
| D47 | everything, for half an hour | not here: it needs Redis, too |

Each is held on SQLite and on PostgreSQL, where both can have it. What takes long is marked
`fault`, and runs in `nox -s faults`.
"""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
LATER = {*range(23, 28), 47}
NUMBERS = {*range(1, 48)} - LATER


def held(sources: list[str]) -> set[int]:
    """Find the numbers of the faults that tests are named after."""
    names = (name for source in sources for name in re.findall(r"def test_d(\d+)_", source))
    return {int(name) for name in names}


def test_every_fault_of_the_matrix_is_held_by_a_test() -> None:
    """A number has a test of its name, or stands in the table as one for later."""
    found = held([path.read_text("utf-8") for path in TESTS.glob("**/test_*.py")])

    assert found - LATER == NUMBERS
    assert held(["def test_d3_a():\n    pass", "async def test_d12_b(): ..."]) == {3, 12}
