"""One DAG for each source: pull it, land it, check what arrived."""

from datetime import timedelta

from airflow.sdk import DAG, Asset, CronTriggerTimetable, task

from rapport.settings import load_settings
from rapport.tasks import verbs
from rapport.tasks.scheduling import RETRIES, ingest_notes, notifiers

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
        landed = task(verbs.land)(source)
        landed >> task(outlets=[Asset(f"raw/{source}")])(verbs.check_arrival)(source)
