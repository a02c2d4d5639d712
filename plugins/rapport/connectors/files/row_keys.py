"""How rows of a dataset are told apart, and which of them make one object.

>>> from rapport.connectors.files.datasets import Dataset
>>> orders = {"path": "x", "format": "csv", "entity": "orders"}
>>> identity_of(Dataset(**orders, columns={"order_id": "Name"})).kind
'lines'
>>> identity_of(Dataset(**orders, rows="versions", key=["id"], columns={"order_id": "id"})).kind
'key'
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, cast

import msgspec

from rapport.connectors.files.datasets import Dataset
from rapport.vendors.blocked import Blocked, load_blocked
from rapport.vendors.reading import cells
from rapport.vendors.reading.many import is_plain
from rapport.vendors.reading.row import OWN_KEY

PLACE = ("_file", "_line", "_hash")
OBJECT_ID = {
    "contacts": "customer_id",
    "orders": "order_id",
    "subscriptions": "subscription_id",
    "payments": "payment_id",
    "conversations": "conversation_id",
    "conversation_events": "event_id",
    "survey_responses": "response_id",
    "web_events": "event_id",
    "consent_events": "event_id",
    "message_events": "event_id",
}
# What stands in the place of an order's id in a line of sums.
TOTALS = frozenset(
    (
        *("total", "totals", "grand total", "subtotal", "sum", "summe", "gesamt", "gesamtsumme"),
        *("insgesamt", "totale", "totaal", "suma", "итого", "всего", "total général", "somme"),
    )
)
EVENTS = ("conversation_events", "web_events", "consent_events", "message_events")


class Identity(NamedTuple):
    """`kind` says what makes a row the same row when it comes again.

    `key`: the columns of `key`. `id`: the column that is mapped to the object's id, `column`.
    With `further`, rows with one id are different things by this column, as the questions of a
    response are. `lines`: the same as `id`, and rows with one id are lines of one order. `place`:
    file, line and content, for events that are only added. `content`: the content of the row, of
    one file that is replaced as a whole.
    """

    kind: Literal["key", "id", "lines", "place", "content"]
    column: str | None = None
    further: str | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """The members of a payload that are its key; those of `key` stand in rapport.yml."""
        return PLACE if self.kind == "place" else (OWN_KEY,)


def identity_of(dataset: Dataset) -> Identity:
    """How the rows of a dataset are told apart."""
    name = OBJECT_ID[dataset.entity]
    column = dataset.columns[name].column if name in dataset.columns else None
    if dataset.entity == "orders" and column is not None:
        is_versioned = "updated_at" in dataset.columns and dataset.key
        if dataset.rows == "lines" or (dataset.rows is None and not is_versioned):
            return Identity("lines", column)
    question = dataset.columns.get("question_id") if dataset.entity == "survey_responses" else None
    if column is not None and question is not None and question.column is not None:
        return Identity("id", column, question.column)
    if dataset.key:
        return Identity("key")
    if dataset.rows == "events" or dataset.format == "access_log":
        return Identity("place")
    if column is not None and dataset.entity not in EVENTS:
        return Identity("id", column)
    if dataset.rows is None and dataset.entity in EVENTS:
        return Identity("place")
    return Identity("content")


def said_of(dataset: Dataset) -> str | None:
    """What the dataset leaves open and was decided for it, for people; None if nothing was."""
    found = identity_of(dataset)
    if found.kind == "id":
        return f"no key: rows are known by {found.column}"
    if found.kind == "lines" and dataset.rows is None and dataset.key != (found.column,):
        return f"rows with one {found.column} are lines of one order and are added up"
    if found.kind == "place" and dataset.rows is None and dataset.format != "access_log":
        return "no key: each row is an event of its own, known by file, line and content"
    if found.kind == "content":
        return "no key: rows are known by their content, and the file is read as a whole"
    return None


class RowIds:
    """The ids of the rows of one file that are known by their id or their content."""

    def __init__(
        self, identity: Identity, file: str, entity: str = "", blocked: Blocked | None = None
    ) -> None:
        self._identity, self._file = identity, file
        # A contact's id is that of a person, which a placeholder is not.
        self._blocked = (blocked or load_blocked()) if entity == "contacts" else None
        self._seen: Counter[bytes] = Counter()
        # The last order that a row named; the next row may go on with it.
        self.last: str | None = None

    def of(self, values: Mapping[str, Any]) -> str:
        """The id of a row. Rows of the same content are counted, and each has its own."""
        if (found := self.said(values)) is not None:
            return found
        content = hashlib.blake2b(msgspec.json.encode(values), digest_size=12).digest()
        self._seen[content] += 1
        return f"{self._file}:{content.hex()}:{self._seen[content]}"

    def of_orders(self, cells_of: Callable[[str], list[str]]) -> list[str] | None:
        """The order of each row of a table; None where one may go on with that before, or is none.

        `cells_of` gives the cells of a column.
        """
        found = self.said_of(cells_of)
        if None in found:
            return None
        said = cast(list[str], found)
        if not TOTALS.isdisjoint(map(str.casefold, said)):
            return None
        self.last = said[-1]
        return said

    def said_of(self, cells_of: Callable[[str], Sequence[Any]]) -> list[str | None]:
        """The id that stands in each row, if it has one."""
        column, further = self._identity.column, self._identity.further
        if column is None:
            return []
        given = cells_of(column)
        found: list[str | None] = list(given)
        if self._blocked is not None or not is_plain("id", given):
            found = list(map(self._said, given))
        if further is None:
            return found
        return [
            None if id is None else f"{id}:{cells.text(cell)}"
            for id, cell in zip(found, cells_of(further), strict=True)
        ]

    def said(self, values: Mapping[str, Any]) -> str | None:
        """The id that stands in the row, if it has one."""
        return next(iter(self.said_of(lambda name: [cells.at(values, name)])), None)

    def _said(self, given: Any) -> str | None:
        found = cells.whole_id(cells.text(given))
        if not found or found.casefold() in cells.NOTHING:
            return None
        if self._blocked is not None and self._blocked.blocks("customer_id", found):
            return None
        return found
