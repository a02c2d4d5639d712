"""Landing: what a vendor sent, kept as versions, committed together with ledger and watermark.

>>> from rapport.landing import ingest
>>> ingest("postbox", run_id=run_id, as_of=as_of)  # doctest: +SKIP
"""

from rapport.landing.ingest import ensure_tables, ingest, pull
from rapport.landing.load import land
from rapport.landing.load_records import LoadResult

__all__ = ["LoadResult", "ensure_tables", "ingest", "land", "pull"]
