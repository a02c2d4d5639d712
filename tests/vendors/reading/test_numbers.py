"""Numbers: every dialect gives the number that was written, and what could be two is refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapport.vendors.reading.numbers import Numbers, integer
from rapport.vendors.reading.problems import Unreadable

DIALECTS = [".,", ",.", ". ", ", ", ".'", ".", ","]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", "12"), ("-12.50", "-12.50"), ("12,50", "12.50"), ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"), ("1 234,56", "1234.56"), ("1'234.50", "1234.50"),
        ("1’234.50", "1234.50"), ("1.234.567", "1234567"), ("1,00,000.50", "100000.50"),
        ("0.125", "0.125"), ("1234.567", "1234.567"), ("(12.50)", "-12.50"), ("12.50-", "-12.50"),
        ("−12.50", "-12.50"), ("+3", "3"), (".5", "0.5"), ("-0", "0"), ("-0.00", "0.00"),
        ("1e3", "1000"), ("1.5E2", "150"), ("25e-1", "2.5"), ("007", "7"),
    ],
)  # fmt: skip
def test_a_number_that_can_mean_one_thing_is_read(text: str, number: str) -> None:
    assert Decimal(Numbers().read(text)) == Decimal(number)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1.234", "thousands or a fraction"), ("1,234", "thousands or a fraction"),
        ("12.345", "thousands or a fraction"), ("-1.234", "thousands or a fraction"),
        ("1,2,3", "no number"), ("1.23.456", "no number"), ("12 34", "no number"),
        ("ten", "no number"), ("12%", "no number"), ("1e400", "no number"), ("--5", "no number"),
        ("€12.50", "a currency is in the cell"), ("12,50 EUR", "a currency is in the cell"),
        ("1" * 30, "out of all bounds"), ("1.2.3,4", "no number"), ("0x10", "no number"),
    ],
)  # fmt: skip
def test_a_number_that_could_be_two_or_none_is_refused(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        Numbers().read(text)


@pytest.mark.parametrize("text", ["€12.50", "12.50 €", "$12.50", "12.50 EUR", "CHF 12.50"])
def test_a_currency_in_the_cell_is_read_where_the_dataset_has_a_currency(text: str) -> None:
    assert Numbers(has_currency=True).read(text) == "12.50"


@given(st.decimals(-(10**12), 10**12, allow_nan=False, places=2), st.sampled_from(DIALECTS))
def test_what_a_dialect_writes_is_what_is_read(number: Decimal, dialect: str) -> None:
    decimal, sign = dialect[0], dialect[1:]
    thousands = sign or "none"
    text = f"{number:,.2f}".replace(",", "T").replace(".", decimal).replace("T", sign)
    assert Decimal(Numbers(decimal, thousands).read(text)) == number


@given(st.decimals(-(10**12), 10**12, allow_nan=False, places=2))
def test_two_places_need_no_declaration(number: Decimal) -> None:
    for text in (f"{number:,.2f}", f"{number:.2f}", f"{number:.2f}".replace(".", ",")):
        assert Decimal(Numbers().read(text)) == number


@given(st.text(alphabet="0123456789.,' -+()eE€%x", max_size=12))
def test_whatever_is_read_is_a_number_for_everybody(text: str) -> None:
    try:
        found = Numbers().read(text)
    except Unreadable:
        return
    assert abs(Decimal(found)) < 10**18
    assert Numbers(".").read(found) == found


@pytest.mark.parametrize(("text", "whole"), [("3", "3"), ("3.0", "3"), ("-2.00", "-2")])
def test_a_whole_number_may_have_a_point_behind_it(text: str, whole: str) -> None:
    assert integer(text) == whole


@pytest.mark.parametrize("text", ["3.5", "12345678901"])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        integer(text)
