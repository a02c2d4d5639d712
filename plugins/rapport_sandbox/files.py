"""The files of the invented shop: one file of each kind per night, never changed afterwards.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     with NightFiles(Path(folder), "2026-03-31"):
...         pass
...     len(list(Path(folder).rglob("*.*")))
6
"""

import csv
import gzip
import io
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TextIO, cast

from rapport_sandbox.catalogue import PRODUCTS
from rapport_sandbox.store import encode

HEADERS = {
    "customers": "customer_id,email,phone,name,country,created_at,birth_date,street,postal_code,"
    "city,region",
    "orders": "order_id,customer_id,ordered_at,amount,currency,quantity,product_id,category,status",
    "consents": "event_id,email,user_id,channel,purpose,status,occurred_at,policy_version",
    "letters": "event_id,message_id,customer_id,campaign,event,occurred_at",
}
PATHS = {
    "customers": "shop/customers-{date}.csv",
    "orders": "shop/orders-{date}.csv.gz",
    "subscriptions": "billing/subscriptions-{date}.ndjson",
    "payments": "billing/payments-{date}.ndjson",
    "consents": "consent/consents-{date}.csv",
    "letters": "newsletter/events-{date}.csv",
}


class NightFiles:
    """Writes files under temporary names, and renames them when the block ends without an error."""

    def __init__(self, folder: Path, date: str) -> None:
        self.folder = folder
        self.date = date
        self.counts: dict[str, int] = {}

    def __enter__(self) -> "NightFiles":
        self._stack = ExitStack()
        self._open: dict[str, TextIO] = {}
        for kind, pattern in PATHS.items():
            path = self.folder / pattern.format(date=self.date)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open[kind] = self._text(path.with_name(f".{path.name}.part"))
            if kind in HEADERS:
                self._open[kind].write(HEADERS[kind] + "\n")
        return self

    def write(self, rows: dict[str, list[Any]]) -> None:
        """Append the rows to the files of their kind and clear the lists."""
        for kind, lines in rows.items():
            if kind in HEADERS:
                csv.writer(self._open[kind], lineterminator="\n").writerows(lines)
            else:
                self._open[kind].writelines(encode(line).decode() + "\n" for line in lines)
            self.counts[kind] = self.counts.get(kind, 0) + len(lines)
            lines.clear()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
        for pattern in PATHS.values():
            path = self.folder / pattern.format(date=self.date)
            part = path.with_name(f".{path.name}.part")
            part.replace(path) if error is None else part.unlink(missing_ok=True)

    def _text(self, path: Path) -> TextIO:
        if not path.name.endswith(".gz.part"):
            return self._stack.enter_context(path.open("w", encoding="utf-8", newline=""))
        raw = self._stack.enter_context(path.open("wb"))
        # With mtime=0 and no file name, the same rows give the same bytes.
        packed = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=raw, mtime=0)
        self._stack.enter_context(packed)
        text = io.TextIOWrapper(cast(BinaryIO, packed), encoding="utf-8", newline="")
        return self._stack.enter_context(text)


def write_products(folder: Path) -> None:
    """Write the product catalogue as CSV."""
    path = folder / "shop" / "products.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["product_id", "name", "category", "price", "currency"])
        writer.writerows(
            [id, p.name, p.category, f"{p.price:.2f}", "EUR"] for id, p in sorted(PRODUCTS.items())
        )
