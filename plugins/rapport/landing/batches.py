"""Cuts a stream's pages into batches: reads keys, computes hashes and rejects unreadable records.

>>> [len(batch.keys) for batch in batches(stream, pages)]  # doctest: +SKIP
[10000, 4312]
"""

import queue
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate, repeat
from operator import contains
from typing import TypeVar

import xxhash

from rapport.errors import BadRecord
from rapport.landing.text_repair import LARGEST_RECORD, repair
from rapport.vendors.source import Page, Position, Record, Rejected, Stream

BATCH_ROWS = 20_000
SLICE_ROWS = 5_000
BATCH_BYTES = 8 * 1024 * 1024
LONGEST_KEY = 1024
# How long an error waits for a request in progress. The thread ends with the process at the latest.
JOIN_SECONDS = 5.0

Item = TypeVar("Item")


@dataclass(slots=True)
class Batch:
    """The records that are committed together: `keys`, `payloads` and `hashes` have equal length.

    A key occurs once in a batch, so that versions keep their order. `position` is where the next
    load continues after this batch, if the pages gave a position. `highest` is the highest cursor
    so far. `encoded` holds the rows for COPY if they were encoded ahead. `bytes` is the size of
    payloads and rejected records.
    """

    keys: list[bytes] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    encoded: bytes = b""
    rejected: list[Rejected] = field(default_factory=list)
    repaired: list[Rejected] = field(default_factory=list)
    odd: Counter[tuple[str, str]] = field(default_factory=Counter)
    read: int = 0
    bytes: int = 0
    highest: datetime | int | None = None
    position: Position | None = None


def batches(stream: Stream, pages: Iterable[Page]) -> Iterator[Batch]:
    """Yield batches of bounded size. If the pages raise, the records read so far come first."""
    batch = Batch()
    known: dict[bytes, bytes] = {}
    following = iter(pages)
    while True:
        try:
            page = next(following)
        except StopIteration:
            break
        except Exception:
            yield batch
            raise
        for start, records in _slices(page.records):
            if len(batch.keys) + len(records) > BATCH_ROWS or batch.bytes >= BATCH_BYTES:
                yield batch
                batch, known = Batch(highest=batch.highest), {}
            if _add_all(stream, page, start, records, batch, known):
                continue
            for place, record in enumerate(records, start):
                where = "" if page.where is None else f"{page.where(place)}: "
                if not _fits(stream, record, where, batch, known):
                    yield batch
                    batch, known = Batch(highest=batch.highest), {}
                    _fits(stream, record, where, batch, known)
        batch.rejected.extend(page.rejected)
        batch.odd.update(page.odd)
        batch.read += len(page.rejected)
        batch.bytes += sum(len(rejected.original) for rejected in page.rejected)
        batch.position = page.position or batch.position
        if len(batch.rejected) >= BATCH_ROWS or batch.bytes >= BATCH_BYTES:
            yield batch
            batch, known = Batch(highest=batch.highest), {}
    yield batch


def _slices(records: Sequence[Record]) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the records in lists of bounded length and size, each with its place."""
    start = 0
    while start < len(records):
        some = list(map(bytes, records[start : start + SLICE_ROWS]))
        if sum(map(len, some)) > BATCH_BYTES:
            # The record that reaches the limit is the last one.
            del some[bisect_left(list(accumulate(map(len, some))), BATCH_BYTES) + 1 :]
        yield start, some
        start += len(some)


def _add_all(
    stream: Stream,
    page: Page,
    start: int,
    records: list[bytes],
    batch: Batch,
    known: dict[bytes, bytes],
) -> bool:
    """Add all records at once; returns False and adds nothing if one needs special handling."""
    highest: datetime | int | None = None
    if page.keys is not None:
        texts = page.keys[start : start + len(records)]
    else:
        try:
            texts, highest = stream.read_keys(records)
        except BadRecord:
            return False
    keys = list(map(str.encode, texts))
    if (
        len(set(keys)) < len(keys)
        or not known.keys().isdisjoint(keys)
        or max(map(len, keys)) > LONGEST_KEY
        or (_has(b"\\", records) and _has(b"\\u0000", records))
        or max(map(len, records)) > LARGEST_RECORD
    ):
        return False
    hashes = list(map(xxhash.xxh3_128_digest, records))
    batch.read += len(records)
    batch.bytes += sum(map(len, records))
    batch.keys += keys
    batch.payloads += records
    batch.hashes += hashes
    known.update(zip(keys, hashes, strict=True))
    _raise_highest(batch, highest)
    return True


def _has(part: bytes, records: list[bytes]) -> bool:
    """Whether a record has a part; found many times faster where that is one byte."""
    return any(map(contains, records, repeat(part)))


def _fits(
    stream: Stream, record: bytes, where: str, batch: Batch, known: dict[bytes, bytes]
) -> bool:
    """Add one record; returns False if the batch already holds another version of it."""
    if len(record) > LARGEST_RECORD:
        return _reject(batch, record, f"{where}record of {len(record)} bytes is too large")
    payload = record
    try:
        try:
            fields = stream.read_key(record)
            payload = repair(record) if b"\\u0000" in record else record
        except BadRecord:
            payload = repair(record)
            fields = stream.read_key(payload)
            if "\N{REPLACEMENT CHARACTER}" in fields.key:
                raise
    except BadRecord as error:
        return _reject(batch, record, f"{where}{error}")
    key = fields.key.encode()
    if len(key) > LONGEST_KEY:
        reason = f"{where}key of {len(key)} bytes is longer than {LONGEST_KEY}"
        return _reject(batch, record, reason)
    digest = xxhash.xxh3_128_digest(record)
    if known.get(key, digest) != digest:
        return False
    batch.read += 1
    _raise_highest(batch, fields.cursor)
    if key in known:
        return True
    if payload != record:
        batch.repaired.append(Rejected(record, "characters replaced", fields.key))
    batch.bytes += len(payload)
    batch.keys.append(key)
    batch.payloads.append(payload)
    batch.hashes.append(digest)
    known[key] = digest
    return True


def _reject(batch: Batch, record: bytes, reason: str) -> bool:
    batch.read += 1
    batch.bytes += len(record)
    batch.rejected.append(Rejected(record[:LARGEST_RECORD], reason))
    return True


def _raise_highest(batch: Batch, cursor: datetime | int | None) -> None:
    if cursor is not None and (batch.highest is None or cursor > batch.highest):  # type: ignore[operator]
        batch.highest = cursor


def read_ahead(items: Callable[[], Iterator[Item]], depth: int = 2) -> Iterator[Item]:
    """Yield the items, fetched by a thread that stays at most `depth` items ahead.

    So waiting for the vendor and writing to the warehouse overlap. An error of the items is raised
    here, after the items before it.
    """
    ahead: queue.Queue[Item | BaseException | None] = queue.Queue(depth)
    stopped = threading.Event()

    def put(item: Item | BaseException | None) -> bool:
        while not stopped.is_set():
            try:
                ahead.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def fetch() -> None:
        try:
            for item in items():
                if not put(item):
                    return
            put(None)
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=fetch, name="read-ahead", daemon=True)
    thread.start()
    try:
        while (item := ahead.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join(JOIN_SECONDS)
