"""Proposes the dataset for a sample: entity, key, columns with their formats, and the doubts.

>>> from rapport.connectors.files.inspection.columns import look_at
>>> columns = [look_at("Bestellnummer", ["7", "8"]), look_at("Betrag", ["12,50", "1.234,00"])]
>>> proposal = propose(columns)
>>> proposal.entity, proposal.dataset["key"], sorted(proposal.dataset["columns"])
('orders', 'Bestellnummer', ['amount', 'order_id'])
"""

from collections.abc import Sequence
from typing import Any

from rapport.connectors.files.inspection.columns import Column
from rapport.connectors.files.inspection.exports import Export, recognised
from rapport.connectors.files.inspection.matching import TELLING, likelihood, mapping
from rapport.connectors.files.inspection.proposal import Proposal
from rapport.connectors.files.inspection.questions import add_metric, add_questions
from rapport.connectors.files.inspection.writing import add_currency, add_signs, add_writing
from rapport.connectors.files.row_keys import EVENTS, OBJECT_ID
from rapport.vendors.entities import fields_of

_IDS = ("customer_id", "user_id", "device_id")


def propose(columns: Sequence[Column], *, entity: str | None = None, file: str = "") -> Proposal:
    """The dataset for these columns of a file; `entity` is given where a person says what it is."""
    names = [column.name for column in columns]
    export = recognised(names)
    if export is not None and entity in (None, export.entity):
        return _from_export(export, columns, file)
    scores = {name: likelihood(name, mapping(name, columns), columns, file) for name in TELLING}
    found = entity or max(scores, key=lambda name: scores[name])
    proposal = Proposal(found, {"entity": found})
    mapped = {name: {"column": column} for name, column in mapping(found, columns).items()}
    second = sorted(scores.values())[-2]
    if entity is None and (scores[found] < 4 or second >= 0.8 * scores[found]):
        others = sorted(scores, key=scores.__getitem__, reverse=True)[1:3]
        proposal.doubt("", f"it may be {' or '.join(others)}: say --entity")
    return _finished(proposal, mapped, columns, file)


def _from_export(export: Export, columns: Sequence[Column], file: str) -> Proposal:
    proposal = Proposal(export.entity, {"entity": export.entity}, export=export.title)
    if export.key:
        proposal.dataset["key"] = export.key
    if export.rows:
        proposal.dataset["rows"] = export.rows
    for text in export.doubts:
        proposal.doubt("", text)
    mapped = export.mapped([column.name for column in columns])
    return _finished(proposal, mapped, columns, file)


def _finished(
    proposal: Proposal, mapped: dict[str, dict[str, Any]], columns: Sequence[Column], file: str
) -> Proposal:
    by_name = {column.name: column for column in columns}
    if proposal.entity == "survey_responses" and "score" not in mapped:
        add_questions(proposal, mapped, columns)
    if proposal.entity == "survey_responses":
        add_metric(proposal, mapped, by_name, file)
    numbers = [by_name[c["column"]] for name, c in mapped.items() if is_number(proposal, name, c)]
    add_signs(proposal, numbers)
    for name, column in mapped.items():
        if "column" in column:
            add_writing(proposal, name, column, by_name[column["column"]], columns)
    add_currency(proposal, mapped, by_name)
    _add_key(proposal, mapped, by_name)
    if not set(mapped) & {"email", "phone", *_IDS}:
        proposal.doubt("", "no column says whose the rows are: map customer_id, user_id or email")
    proposal.dataset["columns"] = {
        name: column["column"] if column.keys() == {"column"} else column
        for name, column in mapped.items()
    }
    return proposal


def is_number(proposal: Proposal, name: str, column: dict[str, Any]) -> bool:
    kind = fields_of(proposal.entity)[name].kind
    return "column" in column and kind in ("number", "minutes", "integer")


def _add_key(
    proposal: Proposal, mapped: dict[str, dict[str, Any]], by_name: dict[str, Column]
) -> None:
    """What tells rows apart, and how rows make objects."""
    dataset = proposal.dataset
    if "key" in dataset or "rows" in dataset:
        return
    id_column = mapped.get(OBJECT_ID[proposal.entity], {}).get("column")
    if id_column is not None and by_name[id_column].is_unique:
        dataset["key"] = id_column
    elif id_column is not None and proposal.entity == "orders":
        dataset["rows"] = "lines"
        proposal.doubt("", f"{id_column} repeats: its rows are lines of one order and are added up")
    elif id_column is not None and "updated_at" in mapped and by_name[id_column].filled == 1:
        dataset["key"], dataset["rows"] = id_column, "versions"
        proposal.doubt("", f"{id_column} repeats: of its rows, the newest by updated_at counts")
    elif proposal.entity in EVENTS:
        dataset["rows"] = "events"
    else:
        email = mapped.get("email", {}).get("column")
        if proposal.entity == "contacts" and email and by_name[email].is_unique:
            dataset["key"] = email
        else:
            proposal.doubt("", "no column tells rows apart: say `key: [...]`, or `rows`")
