"""Answer requests for access and erasure in time, the most urgent first."""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, task

from rapport.settings import load_settings
from rapport.tasks import verbs
from rapport.tasks.scheduling import PRIVACY_NOTES, RETRIES, notifiers

settings = load_settings()

with DAG(
    "privacy_requests",
    description="Answer requests for erasure and access, and delete data past its retention",
    schedule=CronTriggerTimetable("0 12 * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["rapport", "privacy"],
    doc_md=PRIVACY_NOTES,
    on_failure_callback=notifiers(settings),
    default_args={
        "owner": "data-protection",
        "retries": 5,
        "retry_delay": timedelta(minutes=30),
        "retry_policy": RETRIES,
    },
):
    task(task_id="answer")(verbs.answer_requests)() >> task(verbs.prune)()
