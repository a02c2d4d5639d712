"""Payloads of mapped datasets as a load would leave them: the row with what was read in it.

>>> lander("files__shop_orders", settings)("1", {"order_id": "1"})  # doctest: +SKIP
{'_read': {'order_id': '1', ...}, 'order_id': '1'}
"""

import json
from collections.abc import Callable
from typing import Any

from rapport.connectors import all_sources, open_source
from rapport.settings import Settings, load_settings
from rapport.vendors.mapped import MappedStream
from rapport.vendors.reading.row import OWN_KEY


def stream_of(table: str, settings: Settings | None = None) -> MappedStream | None:
    """The mapped stream of a raw table; None for the table of a vendor."""
    source, _, name = table.partition("__")
    settings = settings or load_settings()
    if source not in all_sources() or source not in settings.sources:
        return None
    streams = {stream.name: stream for stream in open_source(source, settings).streams()}
    stream = streams.get(name)
    return stream if isinstance(stream, MappedStream) else None


def lander(table: str, settings: Settings | None = None) -> Callable[[str, Any], Any]:
    """A function of key and row that gives the payload, with `_read` where the table is mapped."""
    stream = stream_of(table, settings)

    def landed(key: str, row: Any) -> Any:
        if stream is None or not isinstance(row, dict):
            return row
        more = {OWN_KEY: key} if stream.key == (OWN_KEY,) else {}
        return json.loads(stream.payload(row, None, **more))

    return landed
