"""How fast rows of a CSV file land against a bare COPY of the same rows as JSONB, in one run.

    python benchmarks/bench_files.py --rows 1000000

Ours: CSV read, cells read, keys, hashes, versions, ledger and index, a commit a batch. Two shapes:
orders of eight columns, all mapped; and an export as Shopify writes it, with forty columns, most of
them blank, of which ten are mapped, and a second line in every tenth order.
"""

import argparse
import csv
import json
import random
import statistics
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from beside_copy import Measured, bare, measure, ours, print_table, temporary_warehouse

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
START = datetime(2025, 1, 1, tzinfo=UTC)
# The goal is 0.5. Two cores reach a third with a million rows of the first shape, where Python's
# part of a row bounds it, and more than half with the second. Below 0.2 something became slower.
WANTED_SHARE, MOST_MEMORY = 0.2, 400


class Shape(NamedTuple):
    """How rows of a file are written and mapped."""

    names: list[str]
    columns: dict[str, str]

    @property
    def dataset(self) -> dict[str, Any]:
        """What rapport.yml says about the file, but for its path."""
        return {"format": "csv", "entity": "orders", "rows": "lines", "columns": self.columns}


ORDERS = Shape(
    ["order_id", "customer", "email", "ordered_at", "amount", "currency", "quantity", "status"],
    {
        "order_id": "order_id", "customer_id": "customer", "email": "email",
        "ordered_at": "ordered_at", "amount": "amount", "currency": "currency",
        "quantity": "quantity", "status": "status",
    },
)  # fmt: skip
SHOPIFY = Shape(
    ["Name", "Email", "Financial Status", "Paid at", "Fulfillment Status", "Currency", "Subtotal",
     "Shipping", "Taxes", "Total", "Discount Code", "Discount Amount", "Shipping Method",
     "Created at", "Lineitem quantity", "Lineitem name", "Lineitem price", "Lineitem sku",
     *(f"Billing {part}" for part in ("Name", "Street", "City", "Zip", "Country", "Phone")),
     *(f"Shipping {part}" for part in ("Name", "Street", "City", "Zip", "Country", "Phone")),
     "Notes", "Note Attributes", "Cancelled at", "Payment Method", "Refunded Amount", "Vendor",
     "Id", "Tags", "Risk Level", "Source"],
    {
        "order_id": "Name", "email": "Email", "status": "Financial Status",
        "ordered_at": "Created at", "currency": "Currency", "order_amount": "Total",
        "unit_price": "Lineitem price", "quantity": "Lineitem quantity",
        "product_id": "Lineitem sku", "product_name": "Lineitem name",
    },
)  # fmt: skip


def orders(count: int) -> Iterator[dict[str, str]]:
    """Rows of the first shape."""
    rng = random.Random(1)  # noqa: S311 - data, not secrets
    for number in range(count):
        person = rng.randrange(count // 5 + 1)
        at = START + timedelta(seconds=rng.randrange(36_000_000))
        yield {
            "order_id": f"A-{number:08d}", "customer": f"K-{person:07d}",
            "email": f"person.{person}@shop.example",
            "ordered_at": at.strftime("%Y-%m-%d %H:%M:%S"), "amount": f"{rng.random() * 200:.2f}",
            "currency": "EUR", "quantity": str(rng.randrange(1, 5)),
            "status": rng.choice(("completed", "completed", "refunded")),
        }  # fmt: skip


def shopify(count: int) -> Iterator[dict[str, str]]:
    """Rows of the second shape; the further lines of an order have its name and address only."""
    rng = random.Random(2)  # noqa: S311 - data, not secrets
    for number in range(count):
        first = number - (number % 10 == 1)
        product = rng.randrange(900)
        row = {
            "Name": f"#{first}", "Email": f"person.{first // 5}@shop.example",
            "Lineitem quantity": "1", "Lineitem price": f"{rng.random() * 90:.2f}",
            "Lineitem name": f"Lamp, {product} lm", "Lineitem sku": f"L-{product}",
            "Vendor": "Lamps", "Created at": "2026-01-07 10:11:12 +0100",
        }  # fmt: skip
        if first == number:
            at = START + timedelta(seconds=rng.randrange(36_000_000))
            total = f"{rng.random() * 200:.2f}"
            row |= {
                "Financial Status": "paid", "Fulfillment Status": "fulfilled", "Currency": "EUR",
                "Subtotal": total, "Shipping": "0.00", "Taxes": "0.00", "Total": total,
                "Created at": f"{at:%Y-%m-%d %H:%M:%S} +0100", "Shipping Method": "Post",
                "Billing Name": "A Person", "Billing City": "Berlin", "Billing Country": "DE",
                "Payment Method": "card", "Id": str(5_000_000_000 + number), "Risk Level": "Low",
            }  # fmt: skip
        yield row


SHAPES = {"orders": (ORDERS, orders), "shopify": (SHOPIFY, shopify)}


def write_rows(folder: Path, shape: str, count: int) -> tuple[Path, Path]:
    """The same rows as CSV and as lines of JSON."""
    (names, _), rows = SHAPES[shape]
    as_csv, as_json = folder / f"{shape}-{count}.csv", folder / f"{shape}-{count}.ndjson"
    with as_csv.open("w", newline="") as file, as_json.open("w") as lines:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        for row in rows(count):
            writer.writerow(row)
            lines.write(json.dumps({name: row.get(name, "") for name in names}) + "\n")
    return as_csv, as_json


def land(path: Path, shape: str) -> dict[str, float]:
    """Seconds, rows and peak memory of ours, in this process."""
    from rapport import warehouse
    from rapport.connectors.files.source import Files
    from rapport.landing import pull

    dataset = {**SHAPES[shape][0].dataset, "path": str(path)}
    source = Files({"datasets": {"bench": dataset}})
    with warehouse.connect(autocommit=True) as connection:
        return measure(lambda: pull(source, connection, run_id="bench", as_of=AS_OF)[0])


def forget() -> None:
    """Take away what landed."""
    from rapport.warehouse import connect

    with connect(autocommit=True) as connection:
        connection.execute(
            "drop table if exists raw.files__bench; delete from raw.watermarks;"
            " delete from raw.readings"
        )


def measured(folder: Path, shape: str, count: int, rounds: int) -> list[Measured]:
    """The reference and ours in turn, by their medians, and ours with a quarter of the rows."""
    as_csv, as_json = write_rows(folder, shape, count)
    small, _ = write_rows(folder, shape, count // 4)
    reference, found = [], []
    for _ in range(rounds):
        reference.append(bare(as_json))
        forget()
        found.append(ours(__file__, "--land", str(as_csv), "--shape", shape))
    forget()
    quarter = ours(__file__, "--land", str(small), "--shape", shape)
    forget()
    base = statistics.median(reference)
    usual = statistics.median(one["seconds"] for one in found)
    most = max(one["megabytes"] for one in found)
    return [
        Measured(f"{shape}: bare COPY into JSONB", count, base, base),
        Measured(f"{shape}: CSV to committed rows", count, usual, base, most),
        Measured(
            f"{shape}: a quarter of the rows", count // 4, quarter["seconds"], base / 4,
            quarter["megabytes"],
        ),
    ]  # fmt: skip


def main() -> int:
    """Print a table; exit with 1 where a bound is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--land", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--shape", choices=SHAPES, help="only this one")
    options = parser.parse_args()
    if options.land:
        print(json.dumps(land(options.land, options.shape)))
        return 0
    with temporary_warehouse() as folder:
        lines = [
            measured(folder, shape, options.rows, options.rounds)
            for shape in ([options.shape] if options.shape else SHAPES)
        ]
    print_table([line for of_shape in lines for line in of_shape])
    is_flat = all(
        (large.megabytes or 0) <= min(MOST_MEMORY, (small.megabytes or 0) + 60)
        for _, large, small in lines
    )
    is_good = is_flat and lines[0][1].share >= WANTED_SHARE
    kept = "kept" if is_good else "MISSED"
    print(f"bounds: at least {WANTED_SHARE} of bare, {MOST_MEMORY} MB, not growing: {kept}")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
