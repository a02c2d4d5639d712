"""What rapport.yml says about files: where they lie, their format, which column means what.

>>> Dataset(path="in/*.csv", format="csv", entity="orders").delimiter
','
"""

import codecs
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from rapport.vendors.datasets import Block, DatasetName, Mapped

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
# The parts of a log line that mean something.
ACCESS_LOG = {
    "occurred_at": "time",
    "url": "path",
    "path": "path",
    "referrer": "referrer",
    "user_agent": "user_agent",
    "customer_id": "remote_user",
    "remote_host": "remote_host",
}
SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
Format = Literal["csv", "ndjson", "parquet", "sheet", "google_sheet", "access_log", "ga4"]


class Dataset(Mapped):
    """Files of one kind; becomes the stream of its name.

    `path` is a file, a folder, or has wildcards; relative to the project, absolute, or the URL of
    an object store or an SFTP server (with the Airflow connection `conn_id`). `format: sheet` is
    .xlsx or .ods; of a `google_sheet`, `path` is the id of the spreadsheet. `sheet` is the name of
    the sheet; without it, the first. `header` is true where a line has the names, else the list of
    names. `header_row` is the number of that line, or of the first row of data where `header` is a
    list; what stands above is skipped. `skip_foot` lines at the end are skipped too. `delimiter` is
    one character, tab, or whitespace for runs of blanks. `encoding` is a name that Python knows; a
    byte order mark comes first. `ga4` and `access_log` know their columns.
    """

    path: str = Field(min_length=1)
    format: Format
    delimiter: str = ","
    quote: str | None = '"'
    header: Literal[True] | tuple[str, ...] = True
    header_row: int = Field(default=1, ge=1)
    skip_foot: int = Field(default=0, ge=0, le=1000)
    sheet: str | None = None
    encoding: str = "utf-8"
    conn_id: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _known_columns(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("format") not in ("ga4", "access_log"):
            return given
        known = GA4 if given["format"] == "ga4" else ACCESS_LOG
        columns = known | dict(given.get("columns") or {})
        key = {"key": ("event_id",)} if given["format"] == "ga4" else {}
        return {"entity": "web_events", **key, **given, "columns": columns}

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            codec = codecs.lookup(value)
            "x".encode(codec.name)
        except (LookupError, UnicodeError, TypeError):
            raise ValueError(f"no encoding {value!r}, write one like utf-8 or cp1252") from None
        return codec.name

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


class Options(Block):
    """The block `sources.files` of rapport.yml."""

    datasets: dict[DatasetName, Dataset] = Field(default_factory=dict)
    custom_fields: dict[str, Any] = Field(default_factory=dict)
