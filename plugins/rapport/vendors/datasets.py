"""What sources share that map columns in rapport.yml: which column of theirs means what.

>>> people_of({"email": "mail", "customer_id": "id", "user_id": "id"}, "shop")
{'mail': 'email', 'id': 'files:shop, user_id'}
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from rapport.vendors.time_formats import pattern_of, warehouse_format

CONTACTS = (
    "email additional_emails phone additional_phones full_name first_name last_name country city"
    " company_name company_domain job_title language lifecycle_stage created_at updated_at"
)
FIELDS = {
    "contacts": CONTACTS,
    "orders": "order_id ordered_at status amount currency quantity product_id product_name"
    " category",
    "subscriptions": "subscription_id plan status started_at cancelled_at renews_at amount"
    " currency updated_at",
    "payments": "payment_id subscription_id status amount currency attempted_at failure_reason",
    "conversations": "conversation_id channel subject status priority created_at updated_at"
    " first_replied_at solved_at first_reply_minutes full_resolution_minutes reopens replies"
    " rating assignee_id",
    "survey_responses": "response_id survey_id survey_name question_id metric scale score comment"
    " conversation_id responded_at",
    "web_events": "event_id event_name occurred_at url path referrer utm_source utm_medium"
    " utm_campaign product_id category user_agent remote_host",
    "consent_events": "event_id channel purpose status occurred_at policy_version",
    "message_events": "event_id message_id campaign channel event_type occurred_at",
}
WHOSE = "customer_id user_id email phone device_id"


def fields_of(entity: str) -> tuple[str, ...]:
    """The names that a column can be mapped to."""
    return tuple(dict.fromkeys(f"{WHOSE} {FIELDS[entity]}".split()))


def _readable(format: str) -> str:
    pattern_of(format)
    return format


class Block(BaseModel):
    """No unknown key, no change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(Block):
    """Where a value comes from: a column, with the format of its times, or one value for all.

    `format` is made of %Y %m %d %H %M %S, or is epoch_s or epoch_ms.
    """

    column: str | None = None
    format: Annotated[str, AfterValidator(_readable)] | None = None
    value: str | None = None

    @field_validator("value", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _one_of_both(self) -> "Column":
        if (self.column is None) == (self.value is None):
            raise ValueError("give either a column or a value")
        return self


DatasetName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,50}$")]


def long_form(columns: Mapping[str, str | Column]) -> dict[str, Column]:
    """The columns, each as a `Column`."""
    return {
        name: Column(column=column) if isinstance(column, str) else column
        for name, column in columns.items()
    }


def people_of(columns: Mapping[str, str | Column], namespace: str) -> dict[str, str]:
    """Which columns of the rows name a person, and whose ids are in them."""
    kinds = {"email": "email", "customer_id": f"files:{namespace}", "user_id": "user_id"}
    found: dict[str, list[str]] = {}
    for name, column in long_form(columns).items():
        if name in kinds and column.column is not None:
            found.setdefault(column.column, []).append(kinds[name])
    return {column: ", ".join(names) for column, names in found.items()}


def mapped_for_dbt(columns: Mapping[str, str | Column]) -> dict[str, Any]:
    """The columns of a dataset as the macros read them."""
    return {
        name: column if isinstance(column, str) else _for_dbt(column.model_dump(exclude_none=True))
        for name, column in columns.items()
    }


def _for_dbt(column: dict[str, str]) -> str | dict[str, str]:
    if "format" in column:
        column["format"] = warehouse_format(column["format"])
    return column["column"] if set(column) == {"column"} else column
