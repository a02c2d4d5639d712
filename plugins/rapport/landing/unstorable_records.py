"""Splits a batch that Postgres refused into records that it can store and records that it cannot.

>>> split(connection, batch).rejected  # doctest: +SKIP
[Rejected(original=b'...', reason='not storable as jsonb (22P02)', record_key='17')]
"""

import psycopg

from rapport.landing.batches import Batch
from rapport.landing.text_repair import repair
from rapport.vendors.source import Rejected

# Errors that are caused by the value. Any other error (disk full, out of memory, cancelled) must
# not reject a record, because the watermark would then move past it.
UNSTORABLE = (
    psycopg.DataError,
    psycopg.errors.ProgramLimitExceeded,
    psycopg.errors.StatementTooComplex,
    psycopg.errors.InternalError_,  # what some servers raise for a jsonb of more than a gigabyte
)


def split(connection: psycopg.Connection, batch: Batch) -> Batch:
    """The batch with the storable records, repaired if needed; the others are in `rejected`."""
    result = Batch()
    for key, original, digest in zip(batch.keys, batch.payloads, batch.hashes, strict=True):
        payload = repair(original)
        problem = _problem(connection, payload)
        if problem is not None:
            reason = f"not storable as jsonb ({problem})"
            result.rejected.append(Rejected(original, reason, key.decode()))
            continue
        if payload != original:
            result.repaired.append(Rejected(original, "characters replaced", key.decode()))
        result.keys.append(key)
        result.payloads.append(payload)
        result.hashes.append(digest)
    return result


def _problem(connection: psycopg.Connection, payload: bytes) -> str | None:
    """The SQLSTATE with which the server refuses the payload; None if it accepts it."""
    try:
        with connection.transaction():
            connection.execute("select %s::text::jsonb", (payload.decode(),))
    except UNSTORABLE as error:
        return error.sqlstate or type(error).__name__
    return None
