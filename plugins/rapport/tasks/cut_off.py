"""Whether the build of a run may begin: every source has landed, or the cut-off has come.

>>> from rapport.settings import Schedule
>>> begin_and_cutoff(Schedule(), datetime(2026, 3, 31, 4, tzinfo=UTC))[1].isoformat()
'2026-03-31T05:00:00+00:00'
"""

from datetime import UTC, datetime, time, timedelta

from rapport import warehouse
from rapport.errors import ConfigError
from rapport.settings import Schedule, Settings


def time_of_day(schedule: Schedule) -> time:
    """When the nightly run begins; raises `ConfigError` if the cron line has no single time."""
    minute, hour, *_ = schedule.nightly.split()
    if not (minute.isdigit() and hour.isdigit() and int(minute) < 60 and int(hour) < 24):
        raise ConfigError(
            f'rapport.yml: schedule.nightly "{schedule.nightly}" must name one minute and '
            'one hour, like "0 3 * * *".'
        )
    return time(int(hour), int(minute), tzinfo=UTC)


def begin_and_cutoff(schedule: Schedule, now: datetime) -> tuple[datetime, datetime]:
    """When the run that `now` belongs to began, and when its build stops waiting."""
    begun = datetime.combine(now.astimezone(UTC), time_of_day(schedule))
    if begun > now:
        begun -= timedelta(days=1)
    return begun, begun + timedelta(minutes=schedule.cutoff_minutes)


def missing(settings: Settings, now: datetime) -> list[str]:
    """The sources that have not landed since the run began.

    Airflow keeps an asset's event until a build has used it. After a run in which one source did
    not land, the events of the other sources are left over, and the first source of the next run
    would trigger a build without the rest.
    """
    begun, _ = begin_and_cutoff(settings.schedule, now)
    with warehouse.connect() as connection:
        rows = connection.execute(
            "select distinct subject from ops.stages"
            " where kind = 'check_arrival' and status = 'succeeded' and started_at >= %s",
            (begun,),
        ).fetchall()
    landed = {source for (source,) in rows}
    return [source for source in settings.enabled("sources") if source not in landed]


def is_past_cutoff(settings: Settings, now: datetime) -> bool:
    """Whether the build has stopped waiting."""
    return now >= begin_and_cutoff(settings.schedule, now)[1]


def is_done(settings: Settings, now: datetime) -> bool:
    """Whether the run's marts are published with everything that has landed up to `now`."""
    begun, _ = begin_and_cutoff(settings.schedule, now)
    with warehouse.connect() as connection:
        row = connection.execute(
            """
            with published as (
                select max(publish.stage_id) as stage_id
                from ops.stages as publish
                where publish.kind = 'publish' and publish.status = 'succeeded'
                    and publish.started_at >= %s
            ),

            build as (
                select max(staging.stage_id) as stage_id
                from ops.stages as staging, published
                where
                    staging.kind = 'build' and staging.subject = 'staging'
                    and staging.stage_id < published.stage_id
            )

            select build.stage_id is not null and not exists (
                select from ops.stages as landing, ops.stages as staging
                where landing.kind = 'land' and landing.status = 'succeeded'
                    and staging.stage_id = build.stage_id
                    and landing.started_at + landing.seconds * interval '1 second'
                        > staging.started_at
            )
            from build
            """,
            (begun,),
        ).fetchone()
    return bool(row and row[0])
