"""Events of Google Analytics 4, as its BigQuery export has them: a table a day.

https://support.google.com/analytics/answer/7029846

`bq extract` writes a day to files: a JSON object a line (`--destination_format
NEWLINE_DELIMITED_JSON`), or Parquet. A day is rewritten for up to three days after it. Extract the
last three days before each run to the same names, and changed files are read again. Whole numbers
come as text in JSON, times in microseconds.

An event has no id. `event_id` is a digest of its user, time, name and place in its batch; of its
parameters and items where an export from before 2024 has no batch columns.

What is nested and needed gets a place beside the record, which lands as it is. The figures of an
intraday table are not final: leave `events_intraday_*` out of `path`.

>>> event = {"event_timestamp": "1774900800000000", "event_name": "page_view",
...     "event_params": [{"key": "page_location", "value": {"string_value": "https://a.example/"}}]}
>>> drawn(event)["occurred_at"], drawn(event)["page_location"]
('2026-03-30T20:00:00.000000Z', 'https://a.example/')
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from rapport.connectors.files.columns import with_columns
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.ga4_traffic import given, traffic
from rapport.connectors.files.row import Row
from rapport.vendors.source import with_context

KINDS = ("string_value", "int_value", "float_value", "double_value")
BATCH = ("batch_page_id", "batch_ordering_id", "batch_event_index")
KNOWN_BY = ("user_pseudo_id", "stream_id", "event_timestamp", "event_name", *BATCH)
# Of an item. What is worked out later, such as its revenue in dollars, is not among these.
ITEM = (
    "item_id", "item_name", "item_variant", "item_list_id", "item_list_index", "promotion_id",
    "creative_slot", "quantity", "price",
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rows(
    read: Iterator[Row], dataset: Dataset | None = None, needed: Sequence[str] = ()
) -> Iterator[Row]:
    """The rows with what was drawn out of them.

    Raises `FileError` where a needed column is neither in the table nor drawn.
    """
    return with_columns(map(_row, read), [name for name in needed if name not in USUAL])


# The columns of the schema, which an event without a user or items leaves out.
USUAL = ("user_pseudo_id", "user_id", "event_name")


def _row(row: Row) -> Row:
    if row.problem is not None or row.json is None:
        return row
    try:
        found = drawn(row.values)
    except (TypeError, ValueError, AttributeError, LookupError, OverflowError):
        return Row(
            row.number, row.original, row.values, row.json, "not an event of the BigQuery export"
        )
    json = with_context(row.json, found)
    return Row(row.number, row.original, {**row.values, **found}, json)


def drawn(event: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a dataset maps; raises `ValueError` and the like for what is no event."""
    params = {one["key"]: _value(one.get("value")) for one in _listed(event.get("event_params"))}
    items = _listed(event.get("items"))
    item: Mapping[str, Any] = next(iter(items), {})
    ecommerce = event.get("ecommerce") or {}
    if not event.get("event_name"):
        raise ValueError("no name")
    source, medium, campaign = traffic(event, params)
    return {
        "event_id": _id(event, params, items),
        "occurred_at": _time(int(event["event_timestamp"])),
        "page_location": given(params.get("page_location")),
        "page_referrer": given(params.get("page_referrer")),
        "utm_source": source,
        "utm_medium": medium,
        "utm_campaign": campaign,
        "item_id": given(item.get("item_id")),
        "item_category": given(item.get("item_category")),
        "transaction_id": given(ecommerce.get("transaction_id") or params.get("transaction_id")),
        "value": _first(ecommerce.get("purchase_revenue"), params.get("value")),
        "currency": given(params.get("currency")),
    }


def _id(event: Mapping[str, Any], params: Mapping[str, Any], items: Sequence[Any]) -> str:
    known_by: list[Any] = [_text(event.get(name)) for name in KNOWN_BY]
    if all(event.get(name) is None for name in BATCH):
        known_by += [
            _text(event.get("event_bundle_sequence_id")),
            # A person who logs in later is the same person to this event.
            None if event.get("user_pseudo_id") else _text(event.get("user_id")),
            sorted((key, _number(value)) for key, value in params.items()),
            [[_number(item.get(name)) for name in ITEM] for item in items],
        ]
    return hashlib.blake2b(msgspec.json.encode(known_by), digest_size=16).hexdigest()


def _listed(value: Any) -> list[Any]:
    """A repeated record, which Parquet may hold as `{"list": [{"element": ...}]}`."""
    if isinstance(value, Mapping):
        value = value["list"]
    return [
        one.get("element", one.get("item", one)) if len(one) == 1 else one for one in value or ()
    ]


def _value(value: Mapping[str, Any] | None) -> Any:
    return next((value[kind] for kind in KINDS if value and value.get(kind) is not None), None)


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _number(value: Any) -> str:
    """A value as text that is the same from JSON and from Parquet."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def _time(microseconds: int) -> str:
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
