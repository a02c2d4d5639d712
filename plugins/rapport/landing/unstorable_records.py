"""What to do with a batch that Postgres refused: find the rows that it cannot store.

>>> sift(connection, batch).rejected  # doctest: +SKIP
[Rejected(original=b'...', reason='not storable as jsonb (22P02)', record_key='17')]
"""

import psycopg

from rapport.landing.batches import Batch
from rapport.landing.text_repair import repair
from rapport.vendors.source import Rejected

# What the server says of a value. Anything else (disk full, out of memory, cancelled) is no fault
# of the record, which would be lost to the watermark if it were taken for one.
UNSTORABLE = (
    psycopg.DataError,
    psycopg.errors.ProgramLimitExceeded,
    psycopg.errors.StatementTooComplex,
    psycopg.errors.InternalError_,  # a jsonb that would need a gigabyte, as some servers say it
)


def sift(connection: psycopg.Connection, batch: Batch) -> Batch:
    """The rows that can be stored, repaired where that helps, and what became of the others."""
    sifted = Batch()
    for key, original, digest in zip(batch.keys, batch.payloads, batch.hashes, strict=True):
        payload = repair(original)
        problem = _problem(connection, payload)
        if problem is not None:
            reason = f"not storable as jsonb ({problem})"
            sifted.rejected.append(Rejected(original, reason, key.decode()))
            continue
        if payload != original:
            sifted.repaired.append(Rejected(original, "characters replaced", key.decode()))
        sifted.keys.append(key)
        sifted.payloads.append(payload)
        sifted.hashes.append(digest)
    return sifted


def _problem(connection: psycopg.Connection, payload: bytes) -> str | None:
    """The SQLSTATE with which the server refuses the payload, None where it takes it."""
    try:
        with connection.transaction():
            connection.execute("select %s::text::jsonb", (payload.decode(),))
    except UNSTORABLE as error:
        return error.sqlstate or type(error).__name__
    return None
