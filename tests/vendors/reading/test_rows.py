"""Rows: read at once or one by one, what lands is the same, and the warehouse can cast it."""

import json
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rapport.vendors.datasets import Mapped
from rapport.vendors.entities import FIELDS, fields_of
from rapport.vendors.mapped import MappedStream
from rapport.vendors.reading.problems import Unreadable
from rapport.vendors.reading.row import Reading

CELLS = st.one_of(
    st.sampled_from(
        ["", " ", "0", "-", "NULL", "\\N", "n/a", "guest", "A-1", "17850.0", "1.23E+15", "1.234",
         "12,50", "12.50", "-3", "2026-02-01", "2026-02-01 10:00:00", "2026-02-01T10:00:00Z",
         "0000-00-00", "9999-12-31", "31.12.2025", "paid", "Geschlossen", "yes", "withdrawn",
         "a@x.example", "Ann <A@X.example>; b@x.example", "9/10", "8,5", "11", '="007"', "'5",
         "email", "nps", "test", "GET /"]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
    st.none(),
    st.integers(-5, 10**12),
    st.floats(allow_nan=True),
    st.booleans(),
)  # fmt: skip
SQL_TYPES = {
    "number": "numeric", "minutes": "numeric", "score": "numeric", "integer": "integer",
    "time": "timestamptz",
}  # fmt: skip


def stream(entity: str, **more: Any) -> MappedStream:
    columns = {name: f"c_{name}" for name in fields_of(entity)}
    return MappedStream(
        name="d",
        key=("key",),
        dataset=Mapped(entity=entity, key=("key",), columns=columns, **more),
    )


def rows_of(entity: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    names = [f"c_{name}" for name in fields_of(entity)]
    return st.lists(
        st.fixed_dictionaries({"key": st.uuids().map(str), **dict.fromkeys(names, CELLS)}),
        min_size=1,
        max_size=6,
    )


ENTITY_ROWS = st.sampled_from(sorted(FIELDS)).flatmap(
    lambda entity: st.tuples(st.just(entity), rows_of(entity))
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ENTITY_ROWS)
def test_rows_that_are_read_at_once_land_as_if_read_one_by_one(
    given: tuple[str, list[dict[str, Any]]],
) -> None:
    entity, rows = given
    at_once = stream(entity).payloads(rows, [None] * len(rows), [{}] * len(rows))
    one_by_one = stream(entity)
    for row, found in zip(rows, at_once, strict=True):
        if isinstance(found, Unreadable):
            with pytest.raises(Unreadable) as refused:
                one_by_one.payload(row, None)
            assert str(refused.value) == str(found)
        else:
            expected = one_by_one.payload(row, None)
            assert msgspec.json.decode(found) == msgspec.json.decode(expected)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(given=ENTITY_ROWS)
def test_the_warehouse_casts_every_value_that_is_read(
    warehouse: psycopg.Connection[Any], given: tuple[str, list[dict[str, Any]]]
) -> None:
    entity, rows = given
    reading = Reading(stream(entity).dataset)
    asked: list[str] = []
    values: list[str] = []
    for row in rows:
        try:
            read = reading.read(row)
        except Unreadable:
            continue
        for name, field in fields_of(entity).items():
            kind = SQL_TYPES.get(field.kind)
            if name in read and kind is not None:
                asked.append(f"%s::{kind}")
                values.append(read[name])
        json.dumps(read)
    if asked:
        (found,) = warehouse.execute(f"select {', '.join(asked)}", values).fetchall()  # type: ignore[call-overload]
        assert None not in found


@pytest.mark.parametrize(
    "word", ["0", "0.0", 0, "-", "- -", "NULL", "null", "\\N", "none", "N/A", " ", "", None,
             "guest", "undefined", "(not set)", "nan", float("nan"),
             "00000000-0000-0000-0000-000000000000"]
)  # fmt: skip
def test_a_placeholder_is_nobody_and_the_row_a_profile_of_its_own(word: Any) -> None:
    orders = stream("orders")
    payload = json.loads(orders.payload({"key": "7", "c_customer_id": word}, None))
    assert payload["_read"]["profile"] == "row:d:7"


@pytest.mark.parametrize("text", ["17850", "17850.0", 17850, 17850.0, " 17850 ", '="17850"'])
def test_an_id_is_the_same_however_a_program_writes_it(text: Any) -> None:
    assert Reading(stream("orders").dataset).read({"c_customer_id": text})["profile"] == "17850"


def test_an_id_whose_digits_are_lost_is_nobody() -> None:
    read = Reading(stream("orders").dataset).read({"c_customer_id": "1.23457E+15"})
    assert "profile" not in read and "customer_id" in read["odd"]


def test_a_contact_without_id_is_known_by_its_row_and_not_by_its_address() -> None:
    contacts = Mapped(entity="contacts", key=("id",), columns={"email": "mail"})
    assert "profile" not in Reading(contacts).read({"id": "1", "mail": "a@x.example"})
    by_address = Mapped(entity="contacts", key=("mail",), columns={"email": "mail"})
    assert Reading(by_address).read({"mail": "A@x.example"})["profile"] == "a@x.example"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            {"status": "no", "channel": "E-Mail", "purpose": "Newsletter"},
            ("withdrawn", "email", "marketing"),
        ),
        ({"status": "no", "channel": "pigeon", "purpose": "fun"}, ("withdrawn", "any", "any")),
        ({"status": "no", "at": "soon"}, ("withdrawn", None, None)),
        ({"status": "vielleicht"}, ("withdrawn", None, None)),
        ({"status": "yes", "channel": "sms"}, ("granted", "sms", "unknown")),
        ({"status": "yes", "channel": "pigeon"}, ("granted", "unknown", "unknown")),
        (
            {"status": "1.0", "channel": "email", "purpose": "news"},
            ("granted", "email", "marketing"),
        ),
    ],
)  # fmt: skip
def test_a_no_counts_for_all_that_is_not_understood_and_a_yes_for_nothing(
    row: dict[str, str], expected: tuple[str | None, ...]
) -> None:
    columns = {"status": "status", "channel": "channel", "purpose": "purpose", "occurred_at": "at"}
    read = Reading(Mapped(entity="consent_events", columns=columns)).read(row)
    assert tuple(read.get(name) for name in ("status", "channel", "purpose")) == expected


def test_a_yes_at_a_time_that_cannot_be_read_is_refused() -> None:
    consents = Mapped(entity="consent_events", columns={"status": "s", "occurred_at": "at"})
    with pytest.raises(Unreadable, match="column at"):
        Reading(consents).read({"s": "yes", "at": "soon"})


@pytest.mark.parametrize(
    ("lines", "amount", "quantity"),
    [
        ([{"sum": "10"}, {"sum": "5.50"}], "15.50", None),
        ([{"price": "2.50", "qty": "4"}, {"price": "1", "qty": "1"}], "11.00", "5"),
        ([{"total": "99"}, {}], "99", None),
        ([{"total": "99", "sum": "50"}, {"total": "99", "sum": "49"}], "99", None),
        ([{"price": "2.50", "qty": "-4"}], "-10.00", "-4"),
    ],
)
def test_an_order_is_the_sum_of_its_lines_or_its_own_amount(
    lines: list[dict[str, str]], amount: str, quantity: str | None
) -> None:
    columns = {"amount": "sum", "unit_price": "price", "quantity": "qty", "order_amount": "total"}
    read = Reading(Mapped(entity="orders", columns=columns)).read_lines(lines)
    assert (read["amount"], read.get("quantity")) == (amount, quantity)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([{"sum": "10", "s": "pending"}, {"sum": "10", "s": "paid"}], "differ in status"),
        ([{"sum": "10"}, {"sum": "10"}], "the same amount"),
    ],
)
def test_rows_of_an_order_that_may_be_something_else_are_refused(
    lines: list[dict[str, str]], why: str
) -> None:
    orders = Mapped(entity="orders", columns={"amount": "sum", "status": "s"})
    with pytest.raises(Unreadable, match=why):
        Reading(orders).read_lines(lines, is_said=False)


def test_excluded_rows_are_no_values_and_test_orders_are_excluded() -> None:
    orders = Mapped(
        entity="orders", columns={"amount": "sum", "kind": "kind"}, exclude={"Test": ["yes"]}
    )
    assert Reading(orders).read({"sum": "1", "kind": "", "Test": "Yes"}) == {"excluded": True}
    assert Reading(orders).read({"sum": "1", "kind": "test", "Test": ""})["excluded"]
    assert Reading(orders).read({"sum": "9", "kind": "Credit Note", "Test": "no"}) == {
        "amount": "-9"
    }


def test_yaml_words_are_the_words_of_the_file() -> None:
    status = {"column": "s", "values": {5: "closed", True: "open"}}
    tickets = Mapped.model_validate({"entity": "conversations", "columns": {"status": status}})
    reading = Reading(tickets)
    assert [reading.read({"s": text})["status"] for text in ("5", "true")] == ["closed", "open"]


@pytest.mark.parametrize(
    ("entity", "column", "why"),
    [
        ("conversations", {"status": {"column": "s", "values": {"x": "shut"}}}, "can not be shut"),
        ("orders", {"amount": {"column": "s", "values": {"x": "1"}}}, "takes no values"),
        ("orders", {"amount": {"column": "s", "format": "%Y-%m-%d"}}, "takes no format"),
        ("orders", {"amount": {"column": "s", "decimal": ",", "thousands": ","}}, "the same sign"),
        ("orders", {"ordered_at": {"column": "s", "timezone": "Mars/Base"}}, "no time zone"),
    ],
)  # fmt: skip
def test_a_mapping_that_cannot_be_meant_is_refused(
    entity: str, column: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        Mapped.model_validate({"entity": entity, "columns": column})
