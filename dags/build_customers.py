"""From landed records to published marts: staging, identity, marts, predictions, gate, publish."""

from datetime import timedelta

from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, CronTriggerTimetable, task

from rapport.settings import load_settings
from rapport.tasks import verbs
from rapport.tasks.scheduling import BUILD_NOTES, RETRIES, WaitForSources, cutoff, notifiers

settings = load_settings()
# The id of the Airflow run tells one build from another.
BUILD = "{{ run_id }}"

with DAG(
    "build_customers",
    description="Build, check and publish the customer table and the metric marts",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable(cutoff(settings), timezone="UTC"),
        assets=[Asset(f"raw/{source}") for source in settings.enabled("sources")],
    ),
    catchup=False,
    max_active_runs=1,
    tags=["rapport", "build"],
    doc_md=BUILD_NOTES,
    on_failure_callback=notifiers(settings),
    default_args={
        "owner": "data-engineering",
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
        "retry_policy": RETRIES,
    },
):
    (
        WaitForSources(task_id="wait_for_sources", mode="reschedule", poke_interval=60)
        >> task(task_id="build_staging")(verbs.build_layer)("staging", BUILD)
        >> task(verbs.normalise)(BUILD)
        >> task(verbs.read_comments)(BUILD)
        >> task(task_id="build_identity")(verbs.build_layer)("identity", BUILD)
        >> task(verbs.resolve)(BUILD)
        >> task(task_id="build_marts")(verbs.build_layer)("marts", BUILD)
        >> task(verbs.predict)(BUILD)
        >> task(verbs.check_publication)(BUILD)
        >> task(outlets=[Asset("marts/customers")])(verbs.publish)(BUILD)
    )
