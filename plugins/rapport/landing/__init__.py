"""Landing: the records of the sources, stored unchanged as versions in the raw tables.

Records, load counts and the watermark are committed in one transaction.

>>> from rapport.landing import ingest
>>> ingest("postbox", run_id=run_id, as_of=as_of)  # doctest: +SKIP
"""

from rapport.landing.ingest import ensure_tables, ingest, pull
from rapport.landing.load import land
from rapport.landing.load_log import LoadResult

__all__ = ["LoadResult", "ensure_tables", "ingest", "land", "pull"]
