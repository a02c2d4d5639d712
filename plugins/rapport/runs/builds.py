"""Only the newest build may write; the next step of an older build ends.

A build is several processes, so it cannot hold a lock from staging to publication. Each step holds
a shared lock and checks that its build is still the newest; a new build takes the lock alone.

>>> with step(run, "manual__2026-03-31", begins=True):  # doctest: +SKIP
...     build("staging", as_of=run.as_of)
"""

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg

from rapport import warehouse
from rapport.errors import RetryLater, StaleWriter
from rapport.runs.run import Run
from rapport.warehouse import locks, roles

PATIENCE = timedelta(minutes=30)
LOCK = "build"


@contextlib.contextmanager
def step(run: Run, holder: str, *, begins: bool = False) -> Iterator[None]:
    """One step of the build of `holder`, which is the id of an Airflow run or a person.

    The first step `begins` the build: it waits for a running step of another build. Raises
    `StaleWriter` if a newer build took over, `RetryLater` if the other step does not end.
    """
    with warehouse.connect(autocommit=True, application_name="rapport build") as connection:
        roles.end_overlong(connection)
        if begins:
            _begin(connection, run, holder)
        with locks.shared(connection, LOCK):
            newest = connection.execute(
                "select holder from ops.builds order by build_id desc limit 1"
            ).fetchone()
            if newest is not None and newest[0] != holder:
                raise StaleWriter(
                    "another build of this warehouse began meanwhile and publishes what this one "
                    "would have. Nothing to do, unless it failed too: see `rapport status`."
                )
            yield


def _begin(connection: psycopg.Connection[Any], run: Run, holder: str) -> None:
    patience = PATIENCE.total_seconds()
    with connection.transaction():
        connection.execute(f"set local lock_timeout = '{patience:.0f}s'")
        try:
            locks.take_turn(connection, LOCK)
            is_free = locks.wait_for_holders(connection, LOCK, patience)
        except psycopg.errors.LockNotAvailable:
            is_free = False
        if not is_free:
            raise RetryLater(
                f"a step of another build has not ended for {patience / 60:.0f} minutes. Wait for "
                "it, or end it: pg_stat_activity shows it as `rapport build`."
            )
        connection.execute(
            """
            insert into ops.builds (holder, run_id) values (%s, %s)
            on conflict (holder) do update
            set build_id = excluded.build_id, run_id = excluded.run_id,
                begun_at = clock_timestamp()
            """,
            (holder, run.run_id),
        )
