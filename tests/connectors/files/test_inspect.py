"""What `rapport files inspect` proposes for an export reads the export right."""

import bz2
import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pyarrow
import pyarrow.parquet
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.inspection import inspect as looking
from rapport.connectors.files.inspection import times_found
from rapport.connectors.files.inspection.dry_run import canonical
from rapport.connectors.files.inspection.inspect import Inspection
from rapport.connectors.files.inspection.shapes import shape_of
from rapport.connectors.files.inspection.yaml_text import inserted
from rapport.connectors.files.rows import Rows
from rapport.connectors.files.source import Files
from rapport.errors import ConfigError, GiveUp
from rapport.settings import Settings
from rapport.vendors.http import Client

Look = Callable[..., Inspection]
NAMES = ("Kilian", "Jule", "müller", "k@m.example", "j@m.example", "555")


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Writes a file and inspects it."""

    def look(
        name: str, content: str | bytes, encoding: str = "utf-8", **options: Any
    ) -> Inspection:
        path = tmp_path / name
        path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
        return looking.inspect(str(path), **options)

    return look


def landed(found: Inspection) -> list[dict[str, Any]]:
    """The canonical values that a load of the proposed dataset lands."""
    datasets = yaml.safe_load(found.yaml)
    source = Files({"datasets": datasets})
    surveys = yaml.safe_load(found.surveys) if found.surveys else {}
    company = {"timezone": "UTC"}
    source.project = Settings.model_validate({"company": company, "surveys": {"files": surveys}})
    [stream] = source.streams()
    pages = list(stream.pages(Client("", name="files"), None, datetime(2026, 3, 31, tzinfo=UTC)))
    assert [one.reason for page in pages for one in page.rejected] == []
    assert isinstance(stream, Rows)
    records = [json.loads(record) for page in pages for record in page.records]
    read = [canonical(record, stream.row_reader.columns) for record in records]
    return [{name: one[name] for name in one if name not in ("profile", "odd")} for one in read]


SHOPIFY = """\
Name,Email,Financial Status,Paid at,Fulfillment Status,Currency,Subtotal,Shipping,Taxes,Total,\
Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Billing Name,Id,Phone
#1050,k@m.example,paid,2026-02-01 10:00:00 -0800,fulfilled,EUR,100.90,0.00,16.11,100.90,\
2026-02-01 09:59:00 -0800,1,Mat L,62.95,MAT-100,Kilian M,5001,
#1050,k@m.example,,,,,,,,,,1,Mat S,37.95,MAT-50,,,
#1052,j@m.example,refunded,2026-02-03 10:00:00 -0800,,EUR,62.95,0.00,10.05,62.95,\
2026-02-03 09:59:00 -0800,1,Mat L,62.95,MAT-100,Jule N,5002,
"""
STRIPE = """\
id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Decline Reason,Status,\
Seller Message,Customer ID,Customer Email
ch_1,2026-03-01 10:20,12.50,0.00,eur,true,,Paid,Payment complete.,cus_1,k@m.example
ch_2,2026-03-02 10:20,1450000.00,0.00,idr,false,insufficient_funds,Failed,Declined.,cus_2,\
j@m.example
"""
HUBSPOT = """\
Record ID,First Name,Last Name,Email,Phone Number,Lifecycle Stage,Create Date,Country/Region,\
Street Address,Postal Code,State/Region,Date of birth
151,Kilian,M,k@m.example,+1 (212) 555-0123 x34,Customer,2026-03-01 10:20,DE,Lindenweg 12,01067,\
Sachsen,1980-12-24
152,Jule,N,j@m.example,,Lead,2026-03-02 10:20,,,,,
"""
SHOPIFY_CUSTOMERS = """\
Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,\
Default Address Address1,Default Address Address2,Default Address City,\
Default Address Province Code,Default Address Country Code,Default Address Zip,\
Default Address Phone,Phone,Accepts SMS Marketing,Total Spent,Total Orders,Note,Tax Exempt,Tags
'7001,Kilian,M,k@m.example,yes,,12 Mill Lane,,Boston,MA,US,'02108,,,no,10.00,1,,no,
'7002,Jule,N,j@m.example,no,,,,,,,,,,no,0.00,0,,no,
"""
MAILCHIMP = """\
Email Address,First Name,Last Name,Phone Number,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,\
CONFIRM_IP,CC,LAST_CHANGED,LEID,EUID,NOTES,TAGS
k@m.example,Kilian,M,,4,,,2026-03-01 10:20:30,1.2.3.4,DE,2026-03-05 08:00:00,101,aa1,,
j@m.example,Jule,N,,2,,,2026-03-02 10:20:30,1.2.3.4,AT,2026-03-06 08:00:00,102,aa2,,
"""
ZENDESK = """\
Summation column,Group,Organization,Id,Requester,Requester id,Requester email,Assignee,Subject,\
Status,Priority,Via,Created at,Updated at,Solved at,Reopens,Replies,\
First reply time in minutes,Full resolution time in minutes,Satisfaction Score
1,Support,,7,Kilian M,9001,k@m.example,Ada,Late,Solved,High,Mail,2026-03-01 10:20,\
2026-03-02 10:20,2026-03-02 10:20,0,2,35,1440,Good
1,Support,,8,Jule N,9002,j@m.example,Ada,Broken,On-hold,,Web form,2026-03-03 10:20,\
2026-03-03 11:00,,0,1,40,,Unoffered
"""
FRESHDESK = """\
Ticket ID,Subject,Status,Priority,Source,Type,Agent,Group,Created time,Resolved time,\
Last update time,Initial response time,Agent interactions,Full name,Email,Contact ID
21,Late,Waiting on Customer,Urgent,Portal,Question,Ada,S,2026-03-01 10:20:00,,\
2026-03-01 12:00:00,2026-03-01 11:00:00,2,Kilian M,k@m.example,501
22,Broken,Closed,Low,Email,Problem,Ada,S,2026-03-02 10:20:00,2026-03-03 10:20:00,\
2026-03-03 12:00:00,2026-03-02 11:00:00,1,Jule N,j@m.example,502
"""
TYPEFORM = """\
#,How likely are you to recommend us to a friend?,Why?,email,Start Date (UTC),Submit Date (UTC),\
Network ID,Tags
tok1,10,Fast,k@m.example,2026-03-01 10:19:00,2026-03-01 10:20:00,n1,
tok2,6,Slow,j@m.example,2026-03-02 10:19:00,2026-03-02 10:20:00,n2,
"""
SURVEYMONKEY = """\
Respondent ID,Collector ID,Date Created,Date Modified,IP Address,Email Address,First Name,\
How likely is it that you would recommend us?,How satisfied are you?
,,,,,,,Response,Response
901,77,03/13/2026 09:19:30 AM,03/13/2026 09:20:30 AM,1.2.3.4,k@m.example,Kilian,\
Extremely likely - 10,4
902,77,03/14/2026 09:19:30 PM,03/14/2026 09:20:30 PM,1.2.3.4,j@m.example,Jule,3,2
"""
QUALTRICS = """\
StartDate,EndDate,Status,IPAddress,Progress,Finished,RecordedDate,ResponseId,RecipientEmail,\
ExternalReference,Q1_NPS_GROUP,Q1
Start Date,End Date,Response Type,IP Address,Progress,Finished,Recorded Date,Response ID,\
Recipient Email,External Data Reference,"How likely - Group","How likely are you
to recommend us?"
"{""ImportId"":""startDate""}","{""ImportId"":""endDate""}","{""ImportId"":""status""}",\
"{""ImportId"":""ipAddress""}","{""ImportId"":""progress""}","{""ImportId"":""finished""}",\
"{""ImportId"":""recordedDate""}","{""ImportId"":""_recordId""}",\
"{""ImportId"":""recipientEmail""}","{""ImportId"":""externalDataReference""}",\
"{""ImportId"":""QID1_NPS_GROUP""}","{""ImportId"":""QID1""}"
2026-03-01 10:19:00,2026-03-01 10:20:00,IP Address,1.2.3.4,100,True,2026-03-01 10:20:01,R_1,\
k@m.example,501,Promoter,10
2026-03-02 10:19:00,2026-03-02 10:20:00,IP Address,1.2.3.4,100,True,2026-03-02 10:20:01,R_2,\
j@m.example,502,Detractor,6
"""
MATOMO = """\
idVisit,visitorId,userId,firstActionTimestamp,referrerUrl,actionDetails_0_url,countryCode
5001,a1b2c3d4e5f60718,k-1,1771322400,https://search.example/,https://s.example/,de
5002,b1b2c3d4e5f60718,,1771322460,,https://s.example/pricing,fr
"""
ONLINE_RETAIL = """\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,HOLDER,6,12/1/2010 8:26,2.55,17850.0,United Kingdom
536365,71053,LANTERN,6,12/1/2010 8:26,3.39,17850.0,United Kingdom
C536379,D,Discount,-1,12/13/2010 9:41,27.50,14527.0,United Kingdom
"""
WOOCOMMERCE = """\
order_id,order_number,order_date,status,order_total,order_currency,billing_email,billing_phone
501,501,2026-03-01 10:20:00,wc-completed,62.95,EUR,k@m.example,
502,502,2026-03-02 10:20:00,wc-refunded,37.95,EUR,j@m.example,
"""

EXPORTS: dict[str, tuple[str, str, list[dict[str, Any]]]] = {
    "shopify": (SHOPIFY, "orders", [
        {"order_id": "#1050", "email": ["k@m.example"], "ordered_at": "2026-02-01T17:59:00Z",
         "status": "paid", "amount": "100.90", "currency": "EUR", "quantity": "2"},
        {"order_id": "#1052", "status": "refunded", "amount": "62.95"},
    ]),
    "woocommerce": (WOOCOMMERCE, "orders", [
        {"order_id": "501", "status": "paid", "amount": "62.95", "currency": "EUR"},
        {"order_id": "502", "status": "refunded", "amount": "37.95"},
    ]),
    "stripe": (STRIPE, "payments", [
        {"payment_id": "ch_1", "status": "succeeded", "amount": "12.50", "currency": "EUR",
         "attempted_at": "2026-03-01T10:20:00Z", "customer_id": "cus_1"},
        {"payment_id": "ch_2", "status": "failed", "amount": "1450000.00", "currency": "IDR",
         "failure_reason": "insufficient_funds"},
    ]),
    "hubspot": (HUBSPOT, "contacts", [
        {"customer_id": "151", "first_name": "Kilian", "created_at": "2026-03-01T10:20:00Z",
         "country": "DE", "lifecycle_stage": "customer", "phone": "+1 (212) 555-0123 x34",
         "street": "Lindenweg 12", "postal_code": "01067", "region": "Sachsen",
         "birth_date": "1980-12-24"},
        {"customer_id": "152", "lifecycle_stage": "lead"},
    ]),
    "shopify_customers": (SHOPIFY_CUSTOMERS, "contacts", [
        {"customer_id": "7001", "email": "k@m.example", "street": "12 Mill Lane",
         "postal_code": "02108", "city": "Boston", "region": "MA", "country": "US"},
        {"customer_id": "7002", "first_name": "Jule"},
    ]),
    "mailchimp": (MAILCHIMP, "contacts", [
        {"customer_id": "101", "email": "k@m.example", "created_at": "2026-03-01T10:20:30Z",
         "updated_at": "2026-03-05T08:00:00Z", "country": "DE"},
        {"customer_id": "102", "email": "j@m.example"},
    ]),
    "zendesk": (ZENDESK, "conversations", [
        {"conversation_id": "7", "status": "solved", "priority": "high", "channel": "email",
         "customer_id": "9001", "solved_at": "2026-03-02T10:20:00Z", "first_reply_minutes": "35"},
        {"conversation_id": "8", "status": "pending", "channel": "web"},
    ]),
    "freshdesk": (FRESHDESK, "conversations", [
        {"conversation_id": "21", "status": "pending", "priority": "urgent", "channel": "web",
         "first_replied_at": "2026-03-01T11:00:00Z", "customer_id": "501"},
        {"conversation_id": "22", "status": "closed", "priority": "low", "channel": "email"},
    ]),
    "typeform": (TYPEFORM, "survey_responses", [
        {"response_id": "tok1", "score": "10", "metric": "nps",
         "responded_at": "2026-03-01T10:20:00Z"},
        {"response_id": "tok2", "score": "6"},
    ]),
    "surveymonkey": (SURVEYMONKEY, "survey_responses", [
        {"response_id": "901", "responded_at": "2026-03-13T09:20:30Z", "answers": {
            "How likely is it that you would recommend us?": "10", "How satisfied are you?": "4"}},
        {"response_id": "902", "responded_at": "2026-03-14T21:20:30Z"},
    ]),
    "qualtrics": (QUALTRICS, "survey_responses", [
        {"response_id": "R_1", "customer_id": "501", "responded_at": "2026-03-01T10:20:01Z"},
        {"response_id": "R_2"},
    ]),
    "matomo": (MATOMO, "web_events", [
        {"event_id": "5001", "event_name": "page_view", "occurred_at": "2026-02-17T10:00:00Z",
         "url": "https://s.example/", "user_id": "k-1", "device_id": "a1b2c3d4e5f60718"},
        {"event_id": "5002", "referrer": None},
    ]),
    "online_retail": (ONLINE_RETAIL, "orders", [
        {"order_id": "536365", "customer_id": "17850", "amount": "35.64", "quantity": "12",
         "ordered_at": "2010-12-01T08:26:00Z", "currency": "GBP"},
        {"order_id": "C536379", "amount": "-27.50", "ordered_at": "2010-12-13T09:41:00Z"},
    ]),
}  # fmt: skip


def matches(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(
        row.get(name) == value or row.get(name) == [value] or [row.get(name)] == value
        for name, value in wanted.items()
    )


@pytest.mark.parametrize("export", EXPORTS)
def test_the_dataset_that_is_proposed_for_an_export_reads_it_right(look: Look, export: str) -> None:
    text, entity, wanted = EXPORTS[export]
    found = look(f"{export}.csv", text)
    assert found.proposal.entity == entity and found.proposal.export is not None
    read = landed(found)
    assert len(read) == len(wanted)
    for row, expected in zip(read, wanted, strict=True):
        assert matches(row, expected), (row, expected)


QUESTIONED = {"typeform", "surveymonkey", "qualtrics"}  # their questions have headings of their own


@pytest.mark.parametrize("export", sorted(EXPORTS.keys() - QUESTIONED))
def test_the_dataset_that_the_reference_shows_reads_the_export_right(
    look: Look, tmp_path: Path, export: str
) -> None:
    text, _, wanted = EXPORTS[export]
    found = look(f"{export}.csv", text)
    title = found.proposal.export
    page = (Path(__file__).parents[3] / "docs/reference/datasets.md").read_text("utf-8")
    block = page.partition(f"### {title}\n\n```yaml\n")[2].partition("```")[0]
    ((_, dataset),) = yaml.safe_load(block).items()
    there = found.sample.names
    dataset["path"] = str(tmp_path / f"{export}.csv")
    dataset["columns"] = {
        name: column
        for name, column in dataset["columns"].items()
        if not isinstance(column, str) or column in there
    }
    read = landed(replace(found, yaml=yaml.safe_dump({export: dataset}), surveys=""))
    for row, expected in zip(read, wanted, strict=True):
        assert matches(row, expected), (row, expected)


GERMAN = (
    "Bericht;;;;;\r\n"
    "Bestellnummer;Kundennummer;E-Mail;Bestelldatum;Betrag;Status\r\n"
    "7;K1;müller@m.example;31.12.2025;1.234,56;Bezahlt\r\n"
    "8;K2;j@m.example;01.01.2026;1.250;Storniert\r\n"
    "Summe;;;;2.484,56;\r\n"
)
GERMAN_ROWS = [
    {"order_id": "7", "customer_id": "K1", "email": "müller@m.example", "status": "paid",
     "ordered_at": "2025-12-31T00:00:00Z", "amount": "1234.56"},
    {"order_id": "8", "amount": "1250", "status": "cancelled"},
]  # fmt: skip


def gz(data: bytes) -> bytes:
    return gzip.compress(data)


def zipped(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("orders.csv", data)
    return buffer.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("packed", [bytes, gz, bz2.compress, zipped])
def test_a_german_export_is_read_in_each_encoding_and_packing(
    look: Look, encoding: str, packed: Callable[[bytes], bytes]
) -> None:
    found = look("orders.csv", packed(GERMAN.encode(encoding)))
    options = yaml.safe_load(found.yaml)["orders"]
    assert (options["delimiter"], options["header_row"], options["skip_foot"]) == (";", 2, 1)
    assert options["decimal"] == ","
    for row, expected in zip(landed(found), GERMAN_ROWS, strict=True):
        assert matches(row, expected), (row, expected)


CELLS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=9)


@given(
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=4, max_size=12),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=150, deadline=None)
def test_the_delimiter_of_any_well_written_table_is_found(
    delimiter: str, rows: list[list[str]], quoting: Any, end: str
) -> None:
    table = io.StringIO(newline="")
    writer = csv.writer(table, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerows([["name", "city", "note"], *rows])
    shape = shape_of(table.getvalue(), is_whole=True)
    assert (shape.delimiter, shape.header, shape.header_row) == (
        {"\t": "tab"}.get(delimiter, delimiter), True, 1,
    )  # fmt: skip


def test_a_folder_and_a_pattern_show_the_newest_file(look: Look, tmp_path: Path) -> None:
    look("orders-1.csv", "order_id,email,total\n1,k@m.example,1\n")
    look("orders-2.csv", "order_id,email,total\n1,k@m.example,1\n2,j@m.example,2\n")
    for path in (str(tmp_path), f"{tmp_path}/orders-*.csv"):
        found = looking.inspect(path, name="orders")
        assert (found.sample.file.name, found.files) == ("orders-2.csv", 2)
        assert yaml.safe_load(found.yaml)["orders"]["path"] == path
    with pytest.raises(GiveUp, match="no file at"):
        looking.inspect(f"{tmp_path}/none-*.csv")


def test_formats_of_times_are_tried_on_a_few_values_of_a_column_without_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = 0
    reads = times_found._reads

    def counted(moments: Any, text: str) -> bool:
        nonlocal tried
        tried += 1
        return reads(moments, text)

    monkeypatch.setattr(times_found, "_reads", counted)
    texts = [f"said {n}. on 3 days by 2 / 4 people" for n in range(500)]
    assert times_found.times_found(texts) is None
    assert tried < 20 * len(texts)


def test_cr_line_ends_and_a_declared_separator_are_read(look: Look) -> None:
    text = "sep=;\rorder_id;email;amount\r1;k@m.example;2,5\r2;j@m.example;3,5\r"
    assert [row["amount"] for row in landed(look("o.csv", text))] == ["2.5", "3.5"]


def test_columns_between_blanks_without_names_get_names(look: Look) -> None:
    found = look("cdnow.txt", " 00001 19970101  1   11.77\n 00002 19970112  1   12.00\n")
    assert found.sample.options["delimiter"] == "whitespace"
    assert found.sample.names == ["column_1", "column_2", "column_3", "column_4"]


TICKETS: list[dict[str, Any]] = [
    {"id": 1, "user": {"email": "k@m.example"}, "created": "2026-03-01T10:00:00Z",
     "status": "open", "subject": "x"},
    {"id": 2, "user": {"email": "j@m.example"}, "created": "2026-03-02T10:00:00Z",
     "status": "closed", "subject": "y"},
]  # fmt: skip
TICKET_ROWS = [
    {"conversation_id": "1", "email": "k@m.example", "status": "open",
     "created_at": "2026-03-01T10:00:00Z"},
    {"conversation_id": "2", "status": "closed"},
]  # fmt: skip


@pytest.mark.parametrize("separators", [("\n", "", ""), (",", "[", "]")])
def test_json_with_nested_records_is_read(look: Look, separators: tuple[str, str, str]) -> None:
    between, before, after = separators
    text = before + between.join(json.dumps(ticket) for ticket in TICKETS) + after
    found = look("tickets.json", text)
    assert (found.proposal.entity, found.sample.options["format"]) == ("conversations", "ndjson")
    for row, expected in zip(landed(found), TICKET_ROWS, strict=True):
        assert matches(row, expected), (row, expected)


def test_parquet_is_known_by_its_content(look: Look, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{**one, "email": one["user"]["email"]} for one in TICKETS]
    pyarrow.parquet.write_table(
        pyarrow.table({
            name: [str(row[name]) for row in rows]
            for name in ("id", "email", "created", "status", "subject")
        }),
        tmp_path / "made.parquet",
    )  # fmt: skip
    found = look("tickets.csv", (tmp_path / "made.parquet").read_bytes())
    assert found.sample.options == {"format": "parquet"}
    for row, expected in zip(landed(found), TICKET_ROWS, strict=True):
        assert matches(row, expected), (row, expected)


def workbook(*sheets: list[list[Any]]) -> bytes:
    """An .xlsx file; numbers are numbers, all else is text."""

    def cell(value: Any) -> str:
        if isinstance(value, int | float):
            return f"<c><v>{value}</v></c>"
        return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'

    space = "http://schemas.openxmlformats.org"
    main, types = f"{space}/spreadsheetml/2006/main", f"{space}/package/2006/content-types"
    links, linked = (
        f"{space}/package/2006/relationships",
        f"{space}/officeDocument/2006/relationships",
    )
    numbers = range(1, len(sheets) + 1)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{types}"><Default Extension="xml" '
        'ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{links}"><Relationship Id="r1" '
        f'Type="{linked}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{linked}"><sheets>'
        + "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="r{n}"/>' for n in numbers)
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{links}">'
        + "".join(
            f'<Relationship Id="r{n}" Type="{linked}/worksheet" Target="worksheets/s{n}.xml"/>'
            for n in numbers
        )
        + "</Relationships>",
    }
    for number, rows in zip(numbers, sheets, strict=True):
        body = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
        text = f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>'
        parts[f"xl/worksheets/s{number}.xml"] = text
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return buffer.getvalue()


def test_a_workbook_is_read_from_the_row_of_names_on(look: Look) -> None:
    table = [line.split(";") for line in GERMAN.splitlines()[:-1]]
    table[2][4], table[3][4] = 1234.56, 1250  # type: ignore[call-overload]
    found = look("orders.csv", workbook(table, [["notes"], ["x"]]))
    assert found.sample.options == {"format": "sheet", "header_row": 2}
    assert "# there are 2 sheets: say `sheet` for another than S1" in found.yaml
    for row, expected in zip(landed(found), GERMAN_ROWS, strict=True):
        assert matches(row, expected), (row, expected)
    other = look("other.xlsx", workbook([["notes"], ["x"]], table), sheet="S2")
    assert yaml.safe_load(other.yaml)["other"]["sheet"] == "S2" and len(landed(other)) == 2
    with pytest.raises(GiveUp, match="has no sheet S3; it has: S1, S2"):
        look("other.xlsx", workbook([["notes"]], table), sheet="S3")


def test_an_access_log_needs_no_columns(look: Look) -> None:
    line = '1.2.3.{} - - [17/Feb/2026:10:00:0{} +0000] "GET / HTTP/1.1" 200 5 "-" "Mozilla/5.0"\n'
    found = look("access.log", "".join(line.format(n, n) for n in range(5)))
    assert found.sample.options == {"format": "access_log"}
    assert yaml.safe_load(found.yaml)["access"].keys() == {"path", "format"}
    assert [row["path"] for row in landed(found)] == ["/"] * 5


def test_ga4_is_known_by_its_members(look: Look) -> None:
    event = {
        "event_date": "20260217", "event_timestamp": "1771322400000000", "event_name": "page_view",
        "event_params": [{"key": "page_location", "value": {"string_value": "https://s.example/"}}],
        "user_pseudo_id": "1.1", "stream_id": "2",
    }  # fmt: skip
    found = look("events.json", json.dumps(event) + "\n")
    assert found.sample.options == {"format": "ga4"}
    assert landed(found)[0]["url"] == "https://s.example/"


def test_a_day_that_may_be_a_month_is_a_doubt_until_a_value_decides_it(look: Look) -> None:
    text = "order_id,email,ordered_at\n1,k@m.example,03/04/2026\n2,j@m.example,{}\n"
    unclear = look("a.csv", text.format("05/06/2026")).yaml
    assert "# 03/04/2026 may be day or month first: say `format" in unclear
    assert "may be day" not in (decided := look("b.csv", text.format("05/13/2026")).yaml)
    assert yaml.safe_load(decided)["b"]["columns"]["ordered_at"]["format"] == "%m/%d/%Y"


@pytest.mark.parametrize(
    ("heading", "day", "zip_heading"),
    [("Geburtsdatum", "24.12.1980", "PLZ"), ("dob", "19801224", "zip"),
     ("birthday", "12/24/1980", "Postcode"), ("Date of Birth", "1980-12-24", "Zip Code"),
     ("date de naissance", "24/12/1980", "code postal")],
)  # fmt: skip
def test_birth_dates_and_postal_codes_are_known_by_their_headings(
    look: Look, heading: str, day: str, zip_heading: str
) -> None:
    header = f"id;{heading};{zip_heading};Straße;Hausnummer;Bundesland\n"
    found = look("k.csv", f"{header}1;{day};01067;Lindenweg;12;Sachsen\n2;{day};04109;Ring;3a;\n")
    assert yaml.safe_load(found.yaml)["k"]["entity"] == "contacts"
    assert landed(found)[0] == {
        "customer_id": "1", "birth_date": "1980-12-24", "postal_code": "01067",
        "street": "Lindenweg", "house_number": "12", "region": "Sachsen",
    }  # fmt: skip


def test_a_birth_date_whose_day_may_be_its_month_is_a_doubt_and_is_not_printed(look: Look) -> None:
    found = look("k.csv", "id,dob,last_name\n1,01/02/1980,Alpha\n2,03/04/1981,Beta\n").yaml
    assert "99/99/9999 may be day or month first" in found
    assert "1980" not in found


def test_a_number_of_unknown_sign_is_a_doubt(look: Look) -> None:
    text = "order_id;email;amount\n1;k@m.example;1.234\n2;j@m.example;2.500\n"
    assert "1.234 may be 1234 or 1.234" in look("a.csv", text).yaml


def test_nothing_of_a_person_is_printed(look: Look) -> None:
    header = "order_id,name,agent,email,phone,status,ordered_at\n"
    row = "{},Kilian M,{},k@m.example,+1 212 555 0123,paid,2026-03-01\n"
    rows = "".join(row.format(n, "Jule" if n % 2 else "Kilian") for n in range(20))
    found = look("o.csv", header + rows)
    text = json.dumps(found.as_data(), ensure_ascii=False)
    assert not [name for name in NAMES if name in text]
    assert next(c for c in found.columns if c.name == "status").words == {"paid": 20}


def test_words_of_states_are_shown_and_unknown_ones_are_a_doubt(look: Look) -> None:
    rows = "".join(f"{n},k{n}@m.example,{'open' if n % 2 else 'Zork'},s\n" for n in range(20))
    found = look("t.csv", "ticket_id,email,status,subject\n" + rows)
    assert "# unknown: Zork. Say by `values`" in found.yaml


def test_what_no_format_reads_is_refused_with_the_reason(look: Look) -> None:
    with pytest.raises(GiveUp, match="is empty"):
        look("e.csv", "")
    with pytest.raises(GiveUp, match=r"Save it as \.xlsx"):
        look("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600)
    with pytest.raises(GiveUp, match="nothing follows the names"):
        look("names.csv", "order_id,email\n")
    with pytest.raises(GiveUp, match="is a web page"):
        look("orders.xls", "<html><table></table></html>")
    with pytest.raises(GiveUp, match="is no text"):
        look("logo.csv", b"\x89PNG\r\n" + bytes(range(256)) * 9)
    with pytest.raises(ConfigError, match="no entity"):
        look("o.csv", "a,b\n1,2\n", entity="things")


CONFIGS = [
    "", "company: {name: X}\n", "sources:\n  hubspot: {}   # c\n\n# next\ndestinations: {}\n",
    "sources:\n  files: {}  # keep\n  zendesk: {}\n", "sources: {}\n",
    "sources:\n  files:\n    datasets:  # all\n      a:\n        path: x\n"
    "        columns: {b: c}  # d\n      # end\n\ndestinations: {}\n",
    "sources:\n    files:\n        datasets:\n            a:\n                path: |\n"
    "                  x\n", "sources:\n  files:\n    datasets:\n",
    "sources:\n  files:\n    datasets:\n      a:\n        key:\n        - b\n  z: {}",
]  # fmt: skip


@pytest.mark.parametrize("config", CONFIGS)
def test_a_dataset_is_put_into_the_file_and_nothing_else_changes(config: str) -> None:
    changed = inserted(config, "shop", "shop:\n  # why\n  path: in\n")
    datasets = yaml.safe_load(changed)["sources"]["files"]["datasets"]
    assert datasets["shop"] == {"path": "in"}
    kept = [line for line in config.splitlines() if "{}" not in line]
    assert [line for line in changed.splitlines() if line in kept] == kept
    assert "# keep" in changed or "# keep" not in config


def test_a_name_that_exists_and_a_place_that_is_not_safe_are_refused() -> None:
    with pytest.raises(ConfigError, match="already"):
        inserted("sources: {files: {datasets: {shop: {}}}}\n", "shop", "shop: {}\n")
    with pytest.raises(ConfigError, match="no safe place"):
        inserted("sources: {files: {datasets: {a: {}}}}\n", "shop", "shop: {}\n")


def test_every_proposed_dataset_is_valid_and_every_known_export_maps_columns_that_exist() -> None:
    from rapport.connectors.files.inspection.exports import exports
    from rapport.connectors.files.inspection.headings import _said
    from rapport.vendors.entities import FIELDS, fields_of

    for export in exports():
        several = export.mapped([*_headings(export.columns), *export.headings])
        given = {"path": "x", "format": "csv", "entity": export.entity, "columns": several}
        Dataset.model_validate(given)
    for entity, columns in _said().items():
        known = fields_of(entity) if entity in FIELDS else fields_of("contacts")
        assert columns.keys() <= known.keys(), entity


def _headings(columns: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for written in columns.values():
        column = written.get("column", []) if isinstance(written, Mapping) else written
        found += column if isinstance(column, list) else [column]
    return found


def test_the_command_writes_the_dataset_and_keeps_comments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rapport.cli import application

    config = tmp_path / "rapport.yml"
    config.write_text("# ours\ncompany: {name: X}\n", encoding="utf-8")
    (tmp_path / "orders.csv").write_text(SHOPIFY, encoding="utf-8")
    monkeypatch.setenv("RAPPORT_HOME", str(tmp_path))
    monkeypatch.setenv("RAPPORT_CONFIG", str(config))
    command = ["files", "inspect", str(tmp_path / "orders.csv"), "--name", "shop", "--write"]
    done = CliRunner().invoke(application, [*command, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["entity"] == "orders"
    text = config.read_text("utf-8")
    assert text.startswith("# ours\n")
    assert yaml.safe_load(text)["sources"]["files"]["datasets"]["shop"]["path"] == "orders.csv"
    again = CliRunner().invoke(application, command)
    assert isinstance(again.exception, ConfigError) and config.read_text("utf-8") == text
    monkeypatch.setenv("COLUMNS", "40")
    shown = CliRunner().invoke(application, command[:-1])
    assert "Shopify orders" in shown.output and "k@m.example" not in shown.output
    pasted = shown.output.partition("datasets:\n\n")[2]
    assert yaml.safe_load(pasted) == {
        "shop": yaml.safe_load(text)["sources"]["files"]["datasets"]["shop"]
    }
