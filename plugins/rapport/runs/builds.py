"""Who may build: the newest, whoever set it off; the next step of one that was overtaken ends.

A build is several processes, so it cannot hold a lock from staging to publication. Each step holds
a shared lock and looks whether its build is still the newest; a new build takes the lock alone.

>>> with step(night, "manual__2026-03-31", begins=True):  # doctest: +SKIP
...     build("staging", as_of=night.as_of)
"""

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg

from rapport import warehouse
from rapport.errors import RetryLater, StaleWriter
from rapport.runs.run import Night
from rapport.warehouse import locks, roles

PATIENCE = timedelta(minutes=30)
LOCK = "build"


@contextlib.contextmanager
def step(night: Night, holder: str, *, begins: bool = False) -> Iterator[None]:
    """One step of a build that `holder`, an Airflow run or a person, set off.

    The first one `begins` the build: it waits for the running step of another. Raises
    `StaleWriter` where a newer build took over, `RetryLater` where the other's step does not end.
    """
    with warehouse.connect(autocommit=True, application_name="rapport build") as connection:
        roles.end_overlong(connection)
        if begins:
            _begin(connection, night, holder)
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


def _begin(connection: psycopg.Connection[Any], night: Night, holder: str) -> None:
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
            (holder, night.run_id),
        )
