"""From what landed to published marts: staging, identity, marts, predictions, gate, publication."""

from datetime import timedelta

from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, CronTriggerTimetable, task

from rapport.settings import load_settings
from rapport.tasks.scheduling import BUILD_NOTES, RETRIES, WaitForSources, cutoff, notifiers

settings = load_settings()

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
    # Airflow gives each task the id of its run: by that, a build is told from another.
    @task
    def build_layer(layer: str, run_id: str | None = None) -> None:
        from rapport.tasks import verbs

        verbs.build_layer(layer, run_id)

    @task
    def normalise(run_id: str | None = None) -> None:
        from rapport.tasks import verbs

        verbs.normalise(run_id)

    @task
    def read_comments(run_id: str | None = None) -> None:
        from rapport.tasks import verbs

        verbs.read_comments(run_id)

    @task
    def resolve(run_id: str | None = None) -> None:
        from rapport.tasks import verbs

        verbs.resolve(run_id)

    @task
    def predict(run_id: str | None = None) -> None:
        from rapport.tasks import verbs

        verbs.predict(run_id)

    @task
    def check_publication(run_id: str | None = None) -> None:
        from rapport.tasks import verbs

        verbs.check_publication(run_id)

    @task(outlets=[Asset("marts/customers")])
    def publish(run_id: str | None = None) -> None:
        from rapport.tasks import verbs

        verbs.publish(run_id)

    (
        WaitForSources(task_id="wait_for_sources", mode="reschedule", poke_interval=60)
        >> build_layer.override(task_id="build_staging")("staging")
        >> normalise()
        >> read_comments()
        >> build_layer.override(task_id="build_identity")("identity")
        >> resolve()
        >> build_layer.override(task_id="build_marts")("marts")
        >> predict()
        >> check_publication()
        >> publish()
    )
