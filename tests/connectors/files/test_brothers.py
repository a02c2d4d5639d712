"""Files as people have them, found by trying to get wrong values out: each is right or refused."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from tests.connectors.files.workbooks import xlsx

from rapport.connectors import open_source
from rapport.errors import ConfigError
from rapport.settings import Settings
from rapport.vendors.http import Client

ORDERS = {
    "order_id": "id", "customer_id": "cust", "email": "mail", "ordered_at": "at", "amount": "sum",
}  # fmt: skip
Read = tuple[list[dict[str, Any]], list[str]]


class Files:
    """Reads one dataset as a load does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, content: str | bytes, suffix: str = "csv", **dataset: Any) -> Read:
        """What was read of each record, and why rows were rejected."""
        path = self.folder / f"a.{suffix}"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        given = {"path": str(path), "format": suffix, "entity": "orders", "columns": ORDERS}
        sources = {"files": {"datasets": {"d": given | dataset}}}
        settings = Settings.model_validate({"company": {"timezone": "UTC"}, "sources": sources})
        (stream,) = open_source("files", settings).streams()
        records, reasons = [], []
        for page in stream.pages(Client("", name="files"), None, None):  # type: ignore[arg-type]
            for record in page.records:
                row = json.loads(bytes(record))
                columns = stream.row_reader.columns  # type: ignore[attr-defined]
                cells = {name: row.get(column) for name, column in columns.items()}
                records.append({**cells, **row["_read"]})
            reasons += [rejected.reason for rejected in page.rejected]
        return records, reasons


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def amounts(found: Read) -> list[str | None]:
    return [record.get("amount") for record in found[0]]


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("١٢٣", "123"),
        ("１２", "12"),
        ("12.-", "12"),
        ('"12,-"', "12"),
        ("12.–", "12"),
        ("5-", "-5"),
    ],
)
def test_digits_of_any_script_and_prices_without_cents_are_numbers(
    files: Files, cell: str, amount: str
) -> None:
    assert amounts(files(f"id,cust,mail,at,sum\n1,7,,2026-01-01,{cell}\n")) == [amount]


@pytest.mark.parametrize(("decimal", "cell"), [(",", "0.125"), (".", '"0,125"'), (",", "0.500")])
def test_a_group_of_thousands_never_begins_with_zero(files: Files, decimal: str, cell: str) -> None:
    found = files(f"id,cust,mail,at,sum\n1,7,,2026-01-01,{cell}\n", decimal=decimal)
    assert found[0] == [] and "no number" in found[1][0]


def test_a_line_that_goes_on_joins_its_order_whatever_is_constant(files: Files) -> None:
    columns = ORDERS | {"currency": {"value": "GBP"}}
    content = "id,cust,mail,at,sum\nA,7,a@x.example,2026-01-01,10\n,,,,5\n"
    assert amounts(files(content, rows="lines", columns=columns)) == ["15"]


@pytest.mark.parametrize("total", [",,,,30", "Total,,,,30", "SUMME,,,,30"])
def test_a_line_of_totals_is_no_order_and_of_no_order(files: Files, total: str) -> None:
    content = f"id,cust,mail,at,sum\nA,7,,2026-01-01,10\nB,8,,2026-01-01,20\n{total}\n"
    found = files(content)
    assert amounts(found) == ["10", "20"]
    assert "the row is of no order" in found[1][0]


def test_a_kind_counts_for_its_line(files: Files) -> None:
    columns = ORDERS | {"kind": "kind"}
    head = "id,cust,mail,at,sum,kind\n"
    sale, refund = "A,7,,2026-01-01,100,sale\n", "A,7,,2026-01-01,20,refund\n"
    for content in (head + sale + refund, head + refund + sale):
        assert amounts(files(content, rows="lines", columns=columns)) == ["80"]
    test = "A,7,,2026-01-01,5,test\n"
    assert amounts(files(head + sale + test, rows="lines", columns=columns)) == ["100"]


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ("A,8,,2026-01-01,5,EUR", "differ in customer_id"),
        ("A,7,,2026-01-01,5,USD", "differ in currency"),
        ("A,7,b@x.example,2026-01-01,5,EUR", "differ in email"),
    ],
)
def test_lines_of_others_are_not_added_up(files: Files, second: str, why: str) -> None:
    content = f"id,cust,mail,at,sum,cur\nA,7,a@x.example,2026-01-01,10,EUR\n{second}\n"
    found = files(content, rows="lines", columns=ORDERS | {"currency": "cur"})
    assert found[0] == [] and why in found[1][0]


def test_guests_among_contacts_are_each_their_own(files: Files) -> None:
    content = "id,mail\n0,a@x.example\n0,b@x.example\nguest,c@x.example\nGuest,d@x.example\n"
    columns = {"customer_id": "id", "email": "mail"}
    records, _ = files(content, entity="contacts", columns=columns)
    assert len({record["profile"] for record in records}) == 4


def test_a_key_that_stands_for_nothing_is_refused(files: Files) -> None:
    columns = {"customer_id": "id", "email": "mail"}
    content = "id,mail\n0,a@x.example\n-,b@x.example\n5,c@x.example\n"
    records, reasons = files(content, entity="contacts", columns=columns, key=["id"])
    assert [record["profile"] for record in records] == ["5"]
    assert all("stands for nothing" in reason for reason in reasons) and len(reasons) == 2


@pytest.mark.parametrize("mail", ["keine", "n/a@n/a", "nomail", "-", "no@mail"])
def test_what_is_no_address_is_nobody(files: Files, mail: str) -> None:
    content = f"id,cust,mail,at,sum\n1,,{mail},2026-01-01,1\n2,,{mail},2026-01-01,2\n"
    assert [record["profile"] for record in files(content)[0]] == ["row:d:1", "row:d:2"]


@pytest.mark.parametrize(
    "cust", ["#REF!", "#NAME?", "#DIV/0!", "-1", "false", "Gast", "Unbekannt", "k.A.", "none.",
             "-0", '"0,0"', "０", "Guest User", "[deleted]", "1E+11", "1.2E+11"]
)  # fmt: skip
def test_what_sheets_and_shops_write_for_nobody_is_nobody(files: Files, cust: str) -> None:
    content = f"id,cust,mail,at,sum\n1,{cust},,2026-01-01,1\n2,{cust},,2026-01-01,2\n"
    assert [record["profile"] for record in files(content)[0]] == ["row:d:1", "row:d:2"]


@pytest.mark.parametrize(
    ("formats", "cell", "moment"),
    [
        (["%d/%m/%Y", "%m/%d/%Y"], "12/31/2025", "2025-12-31T00:00:00Z"),
        (["epoch_s", "epoch_ms"], "1767225600000", "2026-01-01T00:00:00Z"),
        ("epoch_s", "0", None),
        ("%d. %b %Y", "1. Mrz 2026", "2026-03-01T00:00:00Z"),
    ],
)
def test_formats_are_tried_until_one_gives_a_time(
    files: Files, formats: Any, cell: str, moment: str | None
) -> None:
    columns = ORDERS | {"ordered_at": {"column": "at", "format": formats}}
    records, _ = files(f"id,cust,mail,at,sum\n1,7,,{cell},1\n", columns=columns)
    assert records[0]["ordered_at"] == moment


def test_words_that_yaml_reads_as_something_else_are_found(files: Files) -> None:
    content = "id,cust,mail,at,sum,test,st\n1,7,,2026-01-01,1,yes,yes\n2,7,,2026-01-01,2,no,5.0\n"
    status = {"column": "st", "values": {True: "refunded", 5: "paid"}}
    records, _ = files(content, exclude={"test": True}, columns=ORDERS | {"status": status})
    assert [(one.get("excluded"), one.get("status")) for one in records] == [
        (True, None), (None, "paid"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "score"),
    [("5/5", None), ("8/100", None), ("8/10", "8"), ("4 of 5", None), ("−3", None), ("5 %", None),
     ("- 3", None), ("٩", "9"), ("7 - neutral", "7")],
)  # fmt: skip
def test_a_score_is_one_on_its_own_scale(files: Files, cell: str, score: str | None) -> None:
    columns = {"response_id": "id", "score": "s", "metric": {"value": "nps"}}
    records, _ = files(f"id,s\n1,{cell}\n", entity="survey_responses", columns=columns)
    assert records[0]["score"] == score


def test_a_scale_is_read_however_it_is_written(files: Files) -> None:
    columns = {"response_id": "id", "score": "s", "metric": {"value": "csat"}, "scale": "scale"}
    content = "id,s,scale\n1,7,1–5\n2,7,1 to 7\n3,7,five\n"
    records, _ = files(content, entity="survey_responses", columns=columns)
    assert [(one["score"], one["scale"]) for one in records] == [
        (None, "1-5"), ("7", "1-7"), (None, None),
    ]  # fmt: skip


def test_an_amount_in_another_currency_than_its_row_is_refused(files: Files) -> None:
    columns = ORDERS | {"currency": "cur"}
    head = "id,cust,mail,at,sum,cur\n"
    assert files(f"{head}1,7,,2026-01-01,12 USD,EUR\n", columns=columns)[0] == []
    assert amounts(files(f"{head}1,7,,2026-01-01,12 USD,USD\n", columns=columns)) == ["12"]
    constant = ORDERS | {"currency": {"value": "EUR"}}
    assert files("id,cust,mail,at,sum\n1,7,,2026-01-01,$12\n", columns=constant)[0] == []


@pytest.mark.parametrize(
    "cell", ["1" + " " * 60_000 + "x", "(" + " " * 60_000, "a" * 200_000, "1" * 200_000 + "@",
             "a1" * 100_000, "a@" * 40_000, "1,1" * 50_000]
)  # fmt: skip
def test_a_hostile_cell_costs_no_more_than_its_length(files: Files, cell: str) -> None:
    started = time.monotonic()
    files(f'id,cust,mail,at,sum\n1,"{cell}","{cell}","{cell}","{cell}"\n')
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("member", ["_read", "\\u005fread", "_id", "_file", "_lines"])
def test_members_of_a_row_never_stand_for_ours(files: Files, member: str) -> None:
    row = f'{{"{member}": {{"amount": "9", "profile": "x"}}, "id": "1", "cust": "7", "sum": "1"}}'
    columns = {"order_id": "id", "customer_id": "cust", "amount": "sum"}
    records, _ = files(row + "\n", "ndjson", columns=columns)
    assert (records[0]["amount"], records[0]["profile"]) == ("1", "7")


def test_a_column_with_a_name_of_ours_is_read(files: Files) -> None:
    columns = {"customer_id": "ext", "user_id": "_id", "email": "mail"}
    content = "_id,ext,mail\nu1,e1,a@x.example\n"
    records, _ = files(content, entity="contacts", columns=columns)
    assert (records[0]["user_id"], records[0]["customer_id"]) == ("u1", "e1")


def test_a_number_of_a_sheet_is_a_number_in_any_dialect(files: Files) -> None:
    content = xlsx({"S": [["id", "cust", "mail", "at", "sum"], [1, 7, None, "2026-01-01", 12.345]]})
    for dialect in ({}, {"decimal": ","}, {"decimal": "."}):
        path = files.folder / "a.xlsx"
        path.write_bytes(content)
        records, _ = files(content, "sheet", path=str(path), **dialect)
        assert str(records[0]["amount"]) == "12.345", dialect


def test_numbers_of_json_keep_every_digit(files: Files) -> None:
    row = '{"id": 1, "cust": 7, "mail": null, "at": null, "sum": 12345678901234567.89}\n'
    assert amounts(files(row, "ndjson")) == ["12345678901234567.89"]


def test_a_constant_that_cannot_be_read_is_an_error_of_rapport_yml(files: Files) -> None:
    columns = ORDERS | {"amount": {"value": "abc"}}
    with pytest.raises(ConfigError, match=r"dataset d: columns.amount.value"):
        files("id,cust,mail,at\n1,7,,2026-01-01\n", columns=columns)


def test_a_constant_address_is_an_address(files: Files) -> None:
    columns = ORDERS | {"email": {"value": "x@y.example"}, "phone": {"value": "+49 30 901820"}}
    records, _ = files("id,cust,at,sum\n1,,2026-01-01,1\n", columns=columns)
    assert (records[0]["email"], records[0]["phone"]) == ("x@y.example", "+49 30 901820")
    assert records[0]["profile"] == "x@y.example"


@pytest.mark.parametrize(
    ("cell", "addresses"),
    [
        ("MailTo:e@x.example?subject=Hi", ["e@x.example"]),
        ("SMTP:t@x.example", ["t@x.example"]),
        ("k@x.example/l@x.example", ["k@x.example", "l@x.example"]),
        ('"Dora, D." <d@x.example>', ["d@x.example"]),
        ("q@x.example\u200b", ["q@x.example"]),
        ("d@x.example.", ["d@x.example"]),
    ],
)
def test_addresses_as_typed(files: Files, cell: str, addresses: list[str]) -> None:
    content = json.dumps({"id": "1", "mail": cell}) + "\n"
    columns = {"customer_id": "id", "email": "mail"}
    records, _ = files(content, "ndjson", entity="contacts", columns=columns)
    assert [records[0]["email"], *records[0].get("additional_emails", [])] == addresses


@pytest.mark.parametrize(
    ("word", "meant"),
    [("UnSubscribed", "unsubscribed"), ("Un-subscribed", "unsubscribed"),
     ("Abgemeldet", "unsubscribed"), ("désabonné", "unsubscribed"), ("Beschwerde", "complained"),
     ("HardBounce", "bounced"), ("SoftBounce", "bounced"), ("Spam Complaint", "complained")],
)  # fmt: skip
def test_a_refusal_is_one_in_any_spelling(files: Files, word: str, meant: str) -> None:
    columns = {"event_id": "id", "event_type": "t", "email": "mail"}
    content = f"id,t,mail\n1,{word},a@x.example\n"
    records, _ = files(content, entity="message_events", columns=columns)
    assert records[0]["event_type"] == meant


def test_each_question_of_a_response_is_an_answer(files: Files) -> None:
    columns = {"response_id": "id", "question_id": "q", "score": "s"}
    content = "id,q,s\n1,nps,9\n1,csat,4\n1,other,4\n"
    for key in ([], ["id"]):
        records, _ = files(content, entity="survey_responses", columns=columns, key=key)
        assert len({record["key"] for record in records}) == 3


def test_a_log_line_of_nobody_is_no_page(files: Files) -> None:
    line = '- - - [17/Feb/2026:09:00:00 +0100] "POST /a.css HTTP/1.1" 404 150 "-" "x"\n'
    records, _ = files(line, "log", format="access_log", columns={}, entity="web_events")
    assert [record["event_name"] for record in records] in ([], ["request"])


def test_a_refusal_is_heard_at_a_time_that_cannot_be_read(files: Files) -> None:
    columns = {"event_id": "id", "event_type": "t", "email": "mail", "occurred_at": "at"}
    content = "id,t,mail,at\n1,unsubscribed,a@x.example,soon\n2,opened,b@x.example,soon\n"
    records, reasons = files(content, entity="message_events", columns=columns)
    assert [record["event_type"] for record in records] == ["unsubscribed"]
    assert len(reasons) == 1


@pytest.mark.parametrize("mail", ["unknown@unknown.com", "no-email@shop.example", "none@none.com"])
def test_an_address_that_stands_for_none_is_nobody(files: Files, mail: str) -> None:
    content = f"id,cust,mail,at,sum\n1,,{mail},2026-01-01,1\n"
    assert files(content)[0][0]["profile"] == "row:d:1"


@pytest.mark.parametrize(
    ("cell", "numbers"),
    [
        ("+49 171 1234567, +49 30 901820", ["+49 171 1234567", "+49 30 901820"]),
        ("+49 30 901820 (privat) / +49 30 901821 (mobil)", ["+49 30 901820", "+49 30 901821"]),
        ("030 901820 oder 0171 1234567", ["030 901820", "0171 1234567"]),
        ("+1 (212) 555-0123,,,001#", ["+1 (212) 555-0123,,,001#"]),
        ("030/901820", ["030/901820"]),
    ],
)
def test_several_numbers_of_a_cell_are_several(files: Files, cell: str, numbers: list[str]) -> None:
    columns = {"customer_id": "id", "phone": "tel"}
    content = json.dumps({"id": "1", "tel": cell}) + "\n"
    records, _ = files(content, "ndjson", entity="contacts", columns=columns)
    assert [records[0]["phone"], *records[0].get("additional_phones", [])] == numbers


def test_further_addresses_are_kept_in_every_file(files: Files) -> None:
    columns = {"customer_id": "id", "email": "mail", "additional_emails": "more"}
    content = "id,mail,more\n1,a@x.example,b@x.example\n2,c@x.example,\n"
    records, _ = files(content, entity="contacts", columns=columns)
    assert records[0]["additional_emails"] == ["b@x.example"]


def test_blanks_of_any_kind_are_taken_off_a_name(files: Files) -> None:
    columns = {"customer_id": "id", "full_name": "name"}
    content = "id,name\n1,\u00a0Anna\u2003\n2,Bert\n"
    records, _ = files(content, entity="contacts", columns=columns)
    assert [record["full_name"] for record in records] == ["Anna", "Bert"]


def test_a_key_is_the_same_with_a_point_behind_it(files: Files) -> None:
    content = '{"id": 1.0, "cust": 7, "mail": null, "at": null, "sum": 1}\n'
    records, reasons = files(content, "ndjson", key=["id"], rows="versions")
    assert len(records) == 1 and reasons == []


def test_a_constant_id_counts_before_a_users(files: Files) -> None:
    columns = {"order_id": "id", "customer_id": {"value": "shop"}, "user_id": "cust"}
    records, _ = files("id,cust\n1,7\n2,8\n", columns=columns)
    assert [record["profile"] for record in records] == ["shop", "shop"]
