"""Ask for approval of lists that would change too much, one question for each list."""

from datetime import timedelta

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Asset, task, task_group

from rapport.activation_options import load_options
from rapport.settings import load_settings
from rapport.tasks import verbs
from rapport.tasks.approval import Approval
from rapport.tasks.scheduling import APPROVE_NOTES, RETRIES, notifiers

settings = load_settings()

with DAG(
    "approve_lists",
    description="Ask for approval of lists that exceed their limits, then push them",
    schedule=[Asset("activation/waiting")],
    catchup=False,
    max_active_runs=1,
    tags=["rapport", "activate"],
    doc_md=APPROVE_NOTES,
    on_failure_callback=notifiers(settings),
    default_args={
        "owner": "marketing-operations",
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
        "retry_policy": RETRIES,
    },
):

    @task_group
    def one_list(
        destination: str, segment: str, requested_at: str, subject: str, body: str
    ) -> None:
        asked = Approval(
            task_id="ask",
            destination=destination,
            segment=segment,
            requested_at=requested_at,
            subject=subject,
            body=body,
            response_timeout=timedelta(hours=load_options().approval_hours),
        )
        asked >> TriggerDagRunOperator(task_id="activate", trigger_dag_id="activate_segments")

    one_list.expand_kwargs(task(verbs.waiting)())
