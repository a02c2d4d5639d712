"""Amplitude: every event, by the hours in which the vendor received them.

https://amplitude.com/docs/apis/analytics/export

The answer is a zip of one gzipped file of JSON lines an hour; it goes to a temporary file and is
read line by line. 404 says that there is no data; 400 (over 4 GB) and 504 that the range is too
long, so it is halved.

Assumed, where the documentation is silent: an hour is complete three hours after its end (the
documentation says two or more), so the next night begins that far back; an event keeps its `uuid`.

>>> [stream.name for stream in Amplitude().streams()]
['events']
"""

import gzip
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, ClassVar

from rapport.connections import Connection
from rapport.errors import ConfigError, GiveUp, RetryLater
from rapport.http import Answer, Client
from rapport.sources.base import Page, Position, Rejected, Source, Stream, base_url

HOUR = timedelta(hours=1)
LONGEST_RANGE = timedelta(hours=24)
FURTHEST_BACK = timedelta(days=364)
NO_DATA, TOO_MUCH = 404, (400, 504)
LINES = 5_000
LONGEST_LINE = 16 * 1024 * 1024
PAGE_BYTES = 8 * 1024 * 1024
LARGEST_ANSWER = 4 * 1024**3
LARGEST_RATIO = 300


@dataclass(frozen=True, kw_only=True)
class Events(Stream):
    """The events of all hours since the last night's, as lines of JSON."""

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
                    yield from _pages_of(client, file)
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


def _pages_of(client: Client, file: BinaryIO) -> Iterator[Page]:
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                if member.filename.endswith((".json.gz", ".json")):
                    yield from _lines(client, archive, member)
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError):
        raise RetryLater(
            f"{client.name}: the export is damaged. Run again; what landed of it stays."
        ) from None


def _lines(client: Client, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[Page]:
    largest = LARGEST_RATIO * member.compress_size + LONGEST_LINE
    records: list[bytes] = []
    rejected: list[Rejected] = []
    read = size = 0
    is_rest = False
    with archive.open(member) as inner:
        lines = gzip.GzipFile(fileobj=inner) if member.filename.endswith(".gz") else inner
        while line := lines.readline(LONGEST_LINE):
            read += len(line)
            size += len(line)
            if read > largest:
                raise GiveUp(
                    f"{client.name}: {member.filename} unpacks to more than {LARGEST_RATIO} times "
                    "its size. Nothing of this hour's rest was read; ask the vendor."
                )
            was_rest, is_rest = is_rest, not line.endswith(b"\n") and len(line) == LONGEST_LINE
            if was_rest:
                continue
            if is_rest:
                rejected.append(Rejected(line, f"{member.filename}: line too long"))
            elif line.strip():
                records.append(line.rstrip(b"\r\n"))
            if len(records) + len(rejected) >= LINES or size >= PAGE_BYTES:
                yield Page(records, rejected=rejected)
                records, rejected, size = [], [], 0
    if records or rejected:
        yield Page(records, rejected=rejected)


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
    """Option `start`: the day to begin with, else as far back as the vendor exports (a year)."""

    name = "amplitude"
    documentation = "https://amplitude.com/docs/apis/analytics/export"
    connection_fields: ClassVar[Mapping[str, str]] = {
        "host": "https://amplitude.com, which is the default; https://analytics.eu.amplitude.com "
        "in the EU data centre",
        "login": "the project's API key",
        "password": "the project's secret key",
    }

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
