"""What rapport.yml says about files: where they lie, their format, which column means what.

>>> Dataset(path="in/*.csv", format="csv", entity="orders").delimiter
','
"""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from rapport.vendors.datasets import FIELDS, Block, Column, DatasetName, fields_of, long_form

NUMBERS = frozenset(
    {"amount", "quantity", "score", "first_reply_minutes", "full_resolution_minutes"}
)
INTEGERS = frozenset({"reopens", "replies"})
# What ga4.py makes of an event.
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
        return long_form(self.columns)

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns of the file that must be there."""
        mapped = (column.column for column in self.mapped.values() if column.column is not None)
        return tuple(dict.fromkeys((*self.key, *mapped)))


class Options(Block):
    """The block `sources.files` of rapport.yml."""

    datasets: dict[DatasetName, Dataset] = Field(default_factory=dict)
