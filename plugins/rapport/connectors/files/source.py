"""Files: CSV, sheets, JSON lines, Parquet, access logs, from a folder or an object store.

rapport.yml declares the files and the meaning of their columns; each dataset is a stream. Every row
is either stored or rejected. A row that cannot be read goes to `raw.rejected_records` with file,
line, column, reason and its original bytes. A file that has not changed is not read again.

A row lands as it was read, with its canonical values in `_read`. A row of a dataset with a `key` is
the same row if another file contains it again. `row_keys.py` says what makes other rows the same.

>>> [stream.name for stream in Files({"datasets": {"shop": {
...     "path": "in/*.csv", "format": "csv", "entity": "orders"}}}).streams()]
['shop']
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rapport.connectors.files import VENDOR
from rapport.connectors.files.datasets import Options
from rapport.connectors.files.rows import Rows
from rapport.vendors.connections import Connection
from rapport.vendors.http import Client
from rapport.vendors.mapped import MappedSource
from rapport.vendors.options import validated
from rapport.vendors.source import Stream


class Files(MappedSource):
    """Option `datasets`: CSV, sheets, NDJSON, Parquet, access logs or GA4's BigQuery export.

    Each has `path`, `format`, `entity`, `namespace`, `key` and `columns`; `conn_id` names the
    connection of an object store or an SFTP server, whose `host_key` it holds.
    """

    vendor = VENDOR

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(options)
        self.datasets = validated(Options, self.options, "files").datasets

    def streams(self) -> Sequence[Stream]:
        return [Rows.of(name, dataset, self) for name, dataset in self.datasets.items()]

    def client(self, connection: Connection) -> Client:
        return Client("", name=self.name)

    @classmethod
    def record_namespace(cls, stream: str) -> str:
        """Not `files:<stream>`, which is the namespace of the profiles that mapped rows name."""
        return f"files/{stream}"
