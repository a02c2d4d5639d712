"""One DAG a source: pull it, land it, judge what arrived."""

from datetime import timedelta

from airflow.sdk import DAG, Asset, CronTriggerTimetable, task

from rapport.settings import load_settings
from rapport.tasks.scheduling import RETRIES, ingest_notes, notifiers, proposed

settings = load_settings()

for source in settings.enabled("sources"):
    with DAG(
        f"ingest_{source}",
        description=f"Load {source} into the warehouse",
        schedule=CronTriggerTimetable(settings.schedule.nightly, timezone="UTC"),
        catchup=False,
        max_active_runs=1,
        tags=["rapport", "ingest"],
        doc_md=ingest_notes(source),
        on_failure_callback=notifiers(settings),
        default_args={
            "owner": "data-engineering",
            "retries": 3,
            "retry_delay": timedelta(minutes=5),
            "retry_policy": RETRIES,
        },
    ):

        @task
        def land(source: str = source, **context) -> None:
            from rapport.tasks import verbs

            verbs.land(source, proposed(context))

        @task(outlets=[Asset(f"raw/{source}")])
        def check_arrival(source: str = source, **context) -> None:
            from rapport.tasks import verbs

            verbs.check_arrival(source, proposed(context))

        land() >> check_arrival()
