"""From published marts to the messaging tools: who is in, who is told, who is left out and why."""

from datetime import timedelta

from airflow.sdk import DAG, Asset, TriggerRule, task

from rapport.night.scheduling import ACTIVATE_NOTES, RETRIES, notifiers, proposed
from rapport.settings import load_settings

settings = load_settings()

with DAG(
    "activate_segments",
    description="Evaluate the segments and bring every tool to tonight's lists",
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
    def evaluate(**context) -> None:
        from rapport.night import verbs

        verbs.evaluate(proposed(context))

    @task
    def pull_suppressions(**context) -> None:
        from rapport.night import verbs

        verbs.pull_suppressions(proposed(context))

    @task
    def plan(**context) -> None:
        from rapport.night import verbs

        verbs.plan(proposed(context))

    @task
    def push(destination: str, **context) -> None:
        from rapport.night import verbs

        verbs.push(destination, proposed(context))

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def report(**context) -> None:
        from rapport.night import verbs

        verbs.report(proposed(context))

    planned = evaluate() >> pull_suppressions() >> plan()
    reported = report()
    for destination in settings.enabled("destinations"):
        planned >> push.override(task_id=f"push_{destination}")(destination) >> reported
