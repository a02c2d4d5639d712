"""Amplitude: every event, by the hours in which the vendor received them.

https://amplitude.com/docs/apis/analytics/export

The answer is a zip with one gzipped file of JSON lines per hour. It is saved to a temporary file
and read line by line. 404 means that there is no data. 400 (over 4 GB) and 504 mean that the range
is too long, so it is halved.

This export does not say which Amplitude IDs were merged; only the exports to a bucket or a
warehouse do. So an Amplitude ID links no profiles here. The events of a device are linked to the
user who logged in on it.

Assumed, where the documentation is silent: an hour is complete three hours after its end (the
documentation says two or more), so the next run starts that far back; an event keeps its `uuid`.

>>> [stream.name for stream in Amplitude().streams()]
['events']
"""

import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from rapport.connectors.amplitude import VENDOR
from rapport.errors import ConfigError, GiveUp, RetryLater
from rapport.vendors.connections import Connection, base_url
from rapport.vendors.http import Answer, Client
from rapport.vendors.source import Page, Position, Source, Stream
from rapport.vendors.zipped_lines import LARGEST_ANSWER, pages_of

HOUR = timedelta(hours=1)
LONGEST_RANGE = timedelta(hours=24)
FURTHEST_BACK = timedelta(days=364)
NO_DATA, TOO_MUCH = 404, (400, 504)


@dataclass(frozen=True, kw_only=True)
class Events(Stream):
    """The events of all hours since the last run, as lines of JSON."""

    start: datetime | None = None

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        end = _hour(as_of)
        start = self._first(position, as_of)
        length = LONGEST_RANGE
        while start <= end:
            length = min(length, end - start + HOUR)
            last = start + length - HOUR
            with tempfile.TemporaryFile() as file:
                status = self._export(client, start, last, file)
                if status in TOO_MUCH and length > HOUR:
                    length = max(HOUR, _hours(length / 2))
                    continue
                if status in TOO_MUCH:
                    raise _refused(client, status, start)
                if status != NO_DATA:
                    yield from pages_of(file, client.name, (".json.gz", ".json"))
            start = last + HOUR
            complete = min(start, end - self.lag)
            yield Page((), position={"complete_until": complete.isoformat()})

    def _first(self, position: Position | None, as_of: datetime) -> datetime:
        earliest = _hour(as_of) - FURTHEST_BACK
        if position and position.get("complete_until"):
            return max(earliest, datetime.fromisoformat(position["complete_until"]))
        return max(earliest, self.start or earliest)

    def _export(self, client: Client, start: datetime, end: datetime, file: BinaryIO) -> int:
        def check(answer: Answer) -> None:
            if answer.status < 300 and not zipfile.is_zipfile(file):
                raise ValueError("not a zip")

        answer = client.request(
            "GET",
            "/api/2/export",
            params={"start": f"{start:%Y%m%dT%H}", "end": f"{end:%Y%m%dT%H}"},
            ok=(NO_DATA, *TOO_MUCH),
            check=check,
            into=file,
        )
        return answer.status


def _hour(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _hours(length: timedelta) -> timedelta:
    return HOUR * (length // HOUR)


def _refused(client: Client, status: int, start: datetime) -> Exception:
    message = f"{client.name}: {status} on /api/2/export for the single hour {start:%Y%m%dT%H}."
    if status == 400:
        return GiveUp(f"{message} The vendor exports no hour above 4 GB: use its own data export.")
    return RetryLater(f"{message} Run again later.")


class Amplitude(Source):
    """Option `start`: the first day. By default as far back as the vendor exports (a year)."""

    vendor = VENDOR

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(options)
        self.start = _start(self.options.get("start"))

    def streams(self) -> Sequence[Stream]:
        return [Events(name="events", key=("uuid",), lag=timedelta(hours=3), start=self.start)]

    def client(self, connection: Connection) -> Client:
        return Client(
            base_url(connection, "https://amplitude.com"),
            name=connection.name,
            auth=(connection.login, connection.password),
            deadline=3600.0,
            max_bytes=LARGEST_ANSWER,
        )


def _start(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        return datetime.fromisoformat(str(value)).replace(tzinfo=UTC)
    except ValueError:
        raise ConfigError(
            f"sources.amplitude.start: {value!r} is not a day. Write one like 2026-01-31."
        ) from None
