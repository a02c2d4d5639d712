"""Asks for approval of a large change of a list, as a task of Airflow.

It is the same decision as `rapport approve`. Without an answer in time, or with an answer to a
question that has been replaced by a newer one, the list stays as it is.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowSkipException

from rapport.errors import ConfigError


class Approval(ApprovalOperator):
    """Approve or decline the change of one list; downstream tasks run only after an approval."""

    # Airflow fills in the values of a mapped task only for template fields.
    template_fields: Sequence[str] = (
        *ApprovalOperator.template_fields, "destination", "segment", "requested_at"
    )  # fmt: skip

    def __init__(self, *, destination: str, segment: str, requested_at: str, **options: Any):
        super().__init__(**options)
        self.destination = destination
        self.segment = segment
        self.requested_at = requested_at

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Store the answer as `rapport approve` does; a decline skips the downstream tasks."""
        if "error" not in event:
            self._decide(event)
            if event["chosen_options"] != [self.APPROVE]:
                # The operator's own skip does not reach the tasks of a mapped group.
                raise AirflowSkipException(
                    f"{self.destination}/{self.segment}: declined, the list stays as it was."
                )
        return super().execute_complete(context, event)

    def process_trigger_event_error(self, event: dict[str, Any]) -> None:
        """Handle a question that nobody answered in time."""
        if event["error_type"] == "timeout":
            from rapport.activation.planning.approval import nobody_answered
            from rapport.warehouse import connect

            with connect(autocommit=True) as connection:
                nobody_answered(
                    connection, self.destination, self.segment,
                    datetime.fromisoformat(self.requested_at),
                )  # fmt: skip
            raise AirflowSkipException(
                f"{self.destination}/{self.segment}: nobody answered, the list stays as it was. "
                "The next run asks again, or use `rapport approve`."
            )
        super().process_trigger_event_error(event)

    def _decide(self, event: Mapping[str, Any]) -> None:
        from rapport.activation.planning.approval import decide
        from rapport.warehouse import connect

        who = event.get("responded_by_user") or {}
        name = who.get("name") if isinstance(who, Mapping) else getattr(who, "name", None)
        with connect(autocommit=True) as connection:
            try:
                decide(
                    connection,
                    self.segment,
                    approve=event["chosen_options"] == [self.APPROVE],
                    reason=f"answered in Airflow by {name or 'somebody'}",
                    destination=self.destination,
                    requested_at=datetime.fromisoformat(self.requested_at),
                )
            except ConfigError as error:
                raise AirflowSkipException(str(error)) from None
