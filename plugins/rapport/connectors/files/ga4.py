"""Events of Google Analytics 4, as its BigQuery export has them: a table a day, one JSON line each.

https://support.google.com/analytics/answer/7029846

`bq extract --destination_format NEWLINE_DELIMITED_JSON` writes a day to files. A day is rewritten
for up to three days after it. Extract the last three days before each run to the same names, and
changed files are read again. An event has no id. It is identified by its user, time and name, and
by its place in its batch; `event_id` is a digest of these. Whole numbers come as text, times in
microseconds.

What is nested and needed gets a place beside the record, which lands as it is. The figures of an
intraday table are not final: leave `events_intraday_*` out of `path`.

>>> event = {"event_timestamp": "1774900800000000", "event_name": "page_view",
...     "event_params": [{"key": "page_location", "value": {"string_value": "https://a.example/"}}]}
>>> drawn(event)["occurred_at"], drawn(event)["page_location"]
('2026-03-30T20:00:00.000000Z', 'https://a.example/')
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from rapport.connectors.files.row import Row
from rapport.vendors.source import with_context

KINDS = ("string_value", "int_value", "float_value", "double_value")
KNOWN_BY = (
    "user_pseudo_id", "stream_id", "event_timestamp", "event_name",
    "batch_page_id", "batch_ordering_id", "batch_event_index",
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rows(read: Iterator[Row]) -> Iterator[Row]:
    """The rows with what was drawn out of them."""
    for row in read:
        if row.problem is not None or row.json is None:
            yield row
            continue
        try:
            found = drawn(row.values)
        except (TypeError, ValueError, AttributeError, LookupError, OverflowError):
            yield replace(row, problem="not an event of the BigQuery export")
        else:
            yield replace(row, values={**row.values, **found}, json=with_context(row.json, found))


def drawn(event: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a dataset maps; raises `ValueError` and the like for what is no event."""
    params = {one["key"]: _value(one.get("value")) for one in event.get("event_params") or ()}
    traffic = event.get("collected_traffic_source") or {}
    item: Mapping[str, Any] = next(iter(event.get("items") or ()), {})
    known_by = msgspec.json.encode([_text(event.get(name)) for name in KNOWN_BY])
    if not event.get("event_name"):
        raise ValueError("no name")
    return {
        "event_id": hashlib.blake2b(known_by, digest_size=16).hexdigest(),
        "occurred_at": _time(int(event["event_timestamp"])),
        "page_location": params.get("page_location"),
        "page_referrer": params.get("page_referrer"),
        "utm_source": traffic.get("manual_source") or params.get("source"),
        "utm_medium": traffic.get("manual_medium") or params.get("medium"),
        "utm_campaign": traffic.get("manual_campaign_name") or params.get("campaign"),
        "item_id": item.get("item_id"),
        "item_category": item.get("item_category"),
    }


def _value(value: Mapping[str, Any] | None) -> Any:
    return next((value[kind] for kind in KINDS if value and value.get(kind) is not None), None)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _time(microseconds: int) -> str:
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
