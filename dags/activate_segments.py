"""From published marts to the destinations: evaluate segments, plan the changes, push them."""

from datetime import timedelta

from airflow.sdk import DAG, Asset, TriggerRule, task

from rapport.settings import load_settings
from rapport.tasks.scheduling import ACTIVATE_NOTES, RETRIES, notifiers

settings = load_settings()

with DAG(
    "activate_segments",
    description="Evaluate the segments and push the changes of each list",
    schedule=[Asset("marts/customers")],
    catchup=False,
    max_active_runs=1,
    tags=["rapport", "activate"],
    doc_md=ACTIVATE_NOTES,
    on_failure_callback=notifiers(settings),
    default_args={
        "owner": "marketing-operations",
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
        "retry_policy": RETRIES,
    },
):

    @task
    def evaluate() -> None:
        from rapport.tasks import verbs

        verbs.evaluate()

    @task
    def pull_suppressions() -> None:
        from rapport.tasks import verbs

        verbs.pull_suppressions()

    @task
    def plan() -> None:
        from rapport.tasks import verbs

        verbs.plan()

    @task
    def push(destination: str) -> None:
        from rapport.tasks import verbs

        verbs.push(destination)

    @task(outlets=[Asset("activation/waiting")])
    def ask_for_approval() -> None:
        from rapport.tasks import verbs

        verbs.ask_for_approval()

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def tell() -> None:
        from rapport.tasks import verbs

        verbs.tell()

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def report() -> None:
        from rapport.tasks import verbs

        verbs.report()

    planned = evaluate() >> pull_suppressions() >> plan()
    planned >> ask_for_approval()
    told = tell()
    for destination in settings.destinations:  # those turned off as well: people have to leave
        planned >> push.override(task_id=f"push_{destination}")(destination) >> told
    told >> report()
