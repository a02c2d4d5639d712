"""What rapport.yml says about files: where they lie, their format, which column means what.

>>> Dataset(path="in/*.csv", format="csv", entity="orders").delimiter
','
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from rapport.vendors.moments import pattern_of, warehouse_format

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
NUMBERS = frozenset(
    {"amount", "quantity", "score", "first_reply_minutes", "full_resolution_minutes"}
)
INTEGERS = frozenset({"reopens", "replies"})
# What rapport.connectors.files.ga4 makes of an event.
GA4 = {
    "event_id": "event_id",
    "event_name": "event_name",
    "occurred_at": "occurred_at",
    "url": "page_location",
    "referrer": "page_referrer",
    "utm_source": "utm_source",
    "utm_medium": "utm_medium",
    "utm_campaign": "utm_campaign",
    "product_id": "item_id",
    "category": "item_category",
    "device_id": "user_pseudo_id",
    "user_id": "user_id",
}
SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}


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


class Dataset(Block):
    """Files of one kind; becomes the stream of its name.

    `path` is a file, a folder, or has wildcards; relative to the project, absolute, or the URL of
    an object store or an SFTP server (with the Airflow connection `conn_id`). `header` is true
    where the first line has the names, else the list of names. `delimiter` is one character, tab,
    or whitespace for runs of blanks. `key` are the columns that make a row the same row when it
    comes again; without them a row is known by its file, line and content. `ga4` knows its entity,
    key and columns. `enabled: false` reads no more files; what has landed stays known, and stale.
    """

    path: str = Field(min_length=1)
    format: Literal["csv", "ndjson", "parquet", "access_log", "ga4"]
    entity: str
    namespace: str | None = Field(default=None, pattern="^[A-Za-z0-9_.-]+$")
    key: tuple[str, ...] = ()
    columns: dict[str, str | Column] = Field(default_factory=dict)
    delimiter: str = ","
    quote: str | None = '"'
    header: Literal[True] | tuple[str, ...] = True
    encoding: Literal["utf-8", "latin-1", "cp1252", "cp1251", "iso8859-15"] = "utf-8"
    conn_id: str | None = None
    enabled: bool = True

    @model_validator(mode="before")
    @classmethod
    def _of_ga4(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("format") != "ga4":
            return given
        columns = GA4 | dict(given.get("columns") or {})
        return {"entity": "web_events", "key": ("event_id",), **given, "columns": columns}

    @field_validator("entity")
    @classmethod
    def _known_entity(cls, value: str) -> str:
        if value not in FIELDS:
            raise ValueError(f"no entity {value}, there are: {', '.join(FIELDS)}")
        return value

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, value: str) -> str:
        value = SEPARATORS.get(value, value)
        if value != "whitespace" and (len(value) != 1 or value in '"\r\n'):
            raise ValueError("write one character, tab, or whitespace")
        return value

    @field_validator("quote")
    @classmethod
    def _one_quote(cls, value: str | None) -> str | None:
        if value is not None and len(value) != 1:
            raise ValueError("write one character, or null where nothing is quoted")
        return value

    @field_validator("header")
    @classmethod
    def _different_names(cls, value: Any) -> Any:
        if value is not True and (not value or len(set(value)) < len(value)):
            raise ValueError("write true, or a list of different names")
        return value

    @model_validator(mode="after")
    def _reachable(self) -> "Dataset":
        if self.path.startswith("sftp://"):
            if not self.conn_id:
                raise ValueError("a path with sftp:// needs conn_id, an SFTP connection")
            if "**" in self.path or not self.path.startswith("sftp:///"):
                raise ValueError(
                    "write sftp:///folder/*.csv: the server stands in the connection, and there "
                    "is no ** for SFTP"
                )
        return self

    @model_validator(mode="after")
    def _known_fields(self) -> "Dataset":
        known = fields_of(self.entity)
        for name, column in self.mapped.items():
            if name not in known:
                raise ValueError(f"{self.entity} have no {name}, they have: {', '.join(known)}")
            if column.format and not name.endswith("_at"):
                raise ValueError(f"{name} is no time, so it takes no format")
        return self

    @property
    def mapped(self) -> dict[str, Column]:
        """The columns, each in its long form."""
        return {
            name: Column(column=column) if isinstance(column, str) else column
            for name, column in self.columns.items()
        }

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns of the file that must be there."""
        mapped = (column.column for column in self.mapped.values() if column.column is not None)
        return tuple(dict.fromkeys((*self.key, *mapped)))


DatasetName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,50}$")]


class Options(Block):
    """The block `sources.files` of rapport.yml."""

    datasets: dict[DatasetName, Dataset] = Field(default_factory=dict)


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
