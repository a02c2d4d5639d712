"""Birth dates: the day that is written, wherever it is read, and nothing that nobody can mean."""

from datetime import date
from typing import Any

import pytest

from rapport.vendors.datasets import Column, Mapped
from rapport.vendors.reading.columns import Cell, ColumnReader, Company
from rapport.vendors.reading.days import BirthDates
from rapport.vendors.reading.problems import Unreadable
from rapport.vendors.reading.row import Reading
from rapport.vendors.reading.whole import stored

TODAY = date(2026, 3, 31)


@pytest.mark.parametrize(
    ("text", "formats", "day"),
    [
        ("1980-12-24", (), "1980-12-24"),
        ("19801224", (), "1980-12-24"),
        ("1980/12/24", (), "1980-12-24"),
        ("1980-12-24 00:00:00", (), "1980-12-24"),
        ("1980-12-24T23:30:00", (), "1980-12-24"),
        ("1980-12-24T00:00:00Z", (), "1980-12-24"),
        ("1980-12-24T00:00:00.000+02:00", (), "1980-12-24"),
        ("24.12.1980", ("%d.%m.%Y",), "1980-12-24"),
        ("04/03/1980", ("%d/%m/%Y",), "1980-03-04"),
        ("04/03/1980", ("%m/%d/%Y",), "1980-04-03"),
        ("24. Dezember 1980", ("%d. %B %Y",), "1980-12-24"),
        ("24.12.1980", ("%d.%m.%Y %H:%M",), "1980-12-24"),
        ("1980-12-24", ("%d.%m.%Y",), "1980-12-24"),
        ("24.12.80", ("%d.%m.%y",), "1980-12-24"),
        ("24.12.31", ("%d.%m.%y",), "1931-12-24"),
        ("24.12.05", ("%d.%m.%y",), "2005-12-24"),
        ("29579", ("excel",), "1980-12-24"),
        ("29579.75", ("excel",), "1980-12-24"),
        ("-31536000", ("epoch_s",), "1969-01-01"),
        ("346464000000", ("epoch_ms",), "1980-12-24"),
        ("0000-00-00", (), None),
        ("0", ("epoch_s",), None),
        ("2026-03-31", (), "2026-03-31"),
        ("1880-01-01", (), "1880-01-01"),
        ("2000-02-29", (), "2000-02-29"),
    ],
)
def test_a_day_is_read_as_it_is_written(text: str, formats: tuple[str, ...], day: str) -> None:
    assert BirthDates(formats, TODAY).read(text) == day


@pytest.mark.parametrize(
    ("text", "formats"),
    [
        ("1981-02-29", ()), ("31.04.1980", ("%d.%m.%Y",)), ("1980-13-01", ()),
        ("2026-04-01", ()), ("1879-12-31", ()), ("0001-01-01", ()), ("9999-12-31", ()),
        ("04/03/1980", ()), ("24.12.1980", ()), ("12/24", ("%m/%d/%Y",)), ("unknown", ()),
        ("1980-12-23T23:00:00Z", ()), ("346460400", ("epoch_s",)), ("99999999", ("excel",)),
        ("1980-12-24", ("%Y-%d-%m",)),
    ],
)  # fmt: skip
def test_a_day_that_cannot_be_is_refused(text: str, formats: tuple[str, ...]) -> None:
    with pytest.raises(Unreadable):
        BirthDates(formats, TODAY).read(text)


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles", "UTC"])
def test_no_time_zone_moves_a_birth_date(zone: str) -> None:
    column = Column(column="dob", timezone=zone)
    reader = ColumnReader("contacts", "birth_date", column, Company(zone))
    for text in ("1980-12-24", "1980-12-24 00:00:00", "1980-12-24T00:00:00+13:00"):
        assert reader.read(text) == Cell("1980-12-24")
        assert reader.read_many([text]).values == ["1980-12-24"]


def contact(**columns: Any) -> Reading:
    mapped = {"customer_id": "id", "birth_date": "dob", "postal_code": "zip", **columns}
    return Reading(Mapped(entity="contacts", key=("id",), columns=mapped))


def test_an_odd_birth_date_is_counted_and_its_row_still_counts() -> None:
    reading = contact()
    rows = [{"id": "1", "dob": "1980-02-31", "zip": "1"}, {"id": "2", "dob": "n/a", "zip": ""}]
    first, second = (reading.read(row) for row in rows)
    assert (first["customer_id"], first["odd"]) == (
        "1", {"birth_date": "a day that does not exist"},
    )  # fmt: skip
    assert "birth_date" not in first and "odd" not in second
    whole = contact().whole(lambda name: [row[name] for row in rows], len(rows), str)
    assert whole is not None
    assert stored(whole)[0] == {
        "birth_date": None, "odd": {"birth_date": "a day that does not exist"}, "profile": "1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "code"),
    [("01067", "01067"), (1067.0, "1067"), ("1067.0", "1067"), ("SW1A 1AA", "SW1A 1AA"),
     ("00-950", "00-950"), ("n/a", None)],
)  # fmt: skip
def test_a_postal_code_keeps_its_zeros_and_loses_the_point_of_a_number(
    cell: Any, code: str | None
) -> None:
    assert contact().read({"id": "1", "dob": "", "zip": cell}).get("postal_code") == code
