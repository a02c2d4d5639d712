"""From published marts to the destinations: evaluate segments, plan the changes, push them."""

from datetime import timedelta

from airflow.sdk import DAG, Asset, TriggerRule, task

from rapport.settings import load_settings
from rapport.tasks import verbs
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
    planned = task(verbs.evaluate)() >> task(verbs.pull_suppressions)() >> task(verbs.plan)()
    planned >> task(outlets=[Asset("activation/waiting")])(verbs.ask_for_approval)()
    told = task(trigger_rule=TriggerRule.ALL_DONE)(verbs.tell)()
    for destination in settings.destinations:  # those turned off as well: people have to leave
        planned >> task(task_id=f"push_{destination}")(verbs.push)(destination) >> told
    told >> task(trigger_rule=TriggerRule.ALL_DONE)(verbs.report)()
