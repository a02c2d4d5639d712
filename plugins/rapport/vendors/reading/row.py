"""Reads a whole row of a mapped dataset: the canonical values of its columns.

`payload.py` stores those that differ from their cell, as `_read` of the payload. `odd` names the
columns whose cell was not understood, with the reason; the row still counts, with the meaning that
does the least harm. `profile` is the person that the row is about, where a usable id says so;
without it the row is a profile of its own.

>>> from rapport.vendors.datasets import Mapped
>>> orders = Mapped(entity="orders", key=["id"], columns={"order_id": "id", "amount": "sum"})
>>> Reading(orders).read({"id": "A-1", "sum": "12,50"})
{'order_id': 'A-1', 'amount': '12.50'}
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rapport.vendors import words
from rapport.vendors.datasets import Column, Mapped
from rapport.vendors.reading import cells, entities, many
from rapport.vendors.reading.columns import (
    REMEMBERED,
    Cell,
    ColumnReader,
    Company,
    ManyCells,
)
from rapport.vendors.reading.numbers import names_another_currency
from rapport.vendors.reading.problems import Unreadable, UnreadableLine, shape
from rapport.vendors.reading.scores import SCALES, on_scale, scale_of
from rapport.vendors.reading.whole import Whole

READ = "_read"
# Members of `_read` beside the canonical values: the key of a row that has none of its own, under
# its path, and the further lines of an order.
OWN_KEY, LINES = f"{READ}.key", "lines"
Values = dict[str, Any]


class Reading:
    """Reads the rows of one dataset.

    `questions` are the columns that each hold the answer to a scored question, with its metric.
    """

    def __init__(
        self,
        dataset: Mapped,
        company: Company = Company(),  # noqa: B008 - it is a constant
        questions: Mapping[str, str] | None = None,
    ) -> None:
        self.dataset, self.questions = dataset, dict(questions or {})
        self._constants: dict[str, Cell] = {}
        self._columns: list[tuple[str, str, ColumnReader]] = []
        for name, column in dataset.columns.items():
            reader = ColumnReader(dataset.entity, name, column, company, dataset)
            try:
                constant = reader.constant
            except Unreadable as error:
                raise Unreadable(f"columns.{name}.value: {error}") from None
            if constant is not None:
                self._constants[name] = constant
            else:
                self._columns.append((name, str(column.column), reader))
        if "score" in dataset.columns:
            self._answers: list[tuple[str, ColumnReader]] = []
        else:
            self._answers = [
                (question, ColumnReader(dataset.entity, "score", Column(column=question), company))
                for question in self.questions
            ]
        # The columns whose cell may hold a canonical value as it is.
        self.columns = {name: column for name, column, _ in self._columns if "." not in column}
        self._excluded = {
            column: {words.plain(word) for word in given}
            for column, given in dataset.exclude.items()
        }
        # How many cells were not understood, by column and reason; who reads a page empties it.
        self.odd: Counter[tuple[str, str]] = Counter()
        self._finish = entities.FINISH.get(dataset.entity)
        self._blocked = company.blocked
        self._people: dict[str, bool] = {}
        contacts_by_email = dataset.columns.get("email")
        self._is_keyed_by_email = contacts_by_email is not None and dataset.key == (
            contacts_by_email.column,
        )

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns that a file must have."""
        return tuple(dict.fromkeys([*self.dataset.needed, *(q for q, _ in self._answers)]))

    def read(self, row: Mapping[str, Any]) -> Values:
        """The canonical values of a row; raises `Unreadable` with the column and the reason."""
        if self._is_excluded(row):
            return {"excluded": True}
        return self._finished(self._cells(row), row)

    def whole(
        self, cells_of: Callable[[str], list[Any]], count: int, own_key: Callable[[int], str]
    ) -> Whole | None:
        """Many rows, read column by column: what `read` gives for each, or the reason why not.

        None where rows have to be read one by one, because a cell changes another's meaning.
        `cells_of` gives the cells of a column or raises `KeyError`. `own_key` is the profile of
        the row at a place that names nobody.
        """
        columns = self._whole_columns(cells_of)
        if columns is None:
            return None
        unreadable: dict[int, Unreadable] = {}
        for name, (read, given) in columns.items():
            self.odd.update((name, reason) for reason in read.odd.values())
            for place, error in read.unreadable.items():
                if place not in unreadable:
                    unreadable[place] = Unreadable(_in(self.columns[name], given[place], error))
        profiles = self._profiles(columns, count)
        if None in profiles:
            profiles = [
                own_key(place) if profile is None else profile
                for place, profile in enumerate(profiles)
            ]
        return Whole(self._spread_constants(), columns, profiles, unreadable)

    def _whole_columns(
        self, cells_of: Callable[[str], list[Any]]
    ) -> dict[str, tuple[ManyCells, list[Any]]] | None:
        """Each column that was read as a whole; None where this row needs more than its cells."""
        if self._answers or self._excluded or self.dataset.entity in entities.BY_ROW:
            return None
        if len(self.columns) < len(self._columns):
            return None
        found = {}
        for name, column, reader in self._columns:
            try:
                given = cells_of(column)
            except KeyError:
                return None
            found[name] = read, _ = reader.read_many(given), given
            if reader.saw_currency:
                return None
            may_be_lists = reader.kind in ("email", "phone") and not read.is_as_written
            if may_be_lists and not many.without_lists(read.values):
                return None
        values = {name: read.values for name, (read, _) in found.items()}
        if entities.needs_each_row(self.dataset, values):
            return None
        if self.dataset.entity == "orders":
            entities.finish_amounts(found)
        return found

    def _profiles(
        self, columns: Mapping[str, tuple[ManyCells, list[Any]]], count: int
    ) -> list[Any]:
        named_by = ("customer_id", "user_id")
        named = [columns[name][0].values for name in ("customer_id", "user_id") if name in columns]
        if len(named) == 1 and None not in named[0] and self._constants.keys().isdisjoint(named_by):
            return named[0]
        names = ("customer_id", "user_id", "email", "device_id")
        rows = [columns[name][0].values if name in columns else [None] * count for name in names]
        spread = self._spread_constants()
        constants = {name: spread[name] for name in names if name in spread}
        return [
            self._profile(
                constants | {name: v for name, v in zip(names, row, strict=True) if v is not None}
            )
            for row in zip(*rows, strict=True)
        ]

    def _spread_constants(self) -> Values:
        values: Values = {name: cell.value for name, cell in self._constants.items()}
        _spread_contacts(values)
        return values

    def read_lines(self, lines: Sequence[Mapping[str, Any]], *, is_said: bool = True) -> Values:
        """The canonical values of an order from its lines; raises `Unreadable`.

        Unless rapport.yml says (`is_said`) that rows are lines, rows that may be something else
        are refused.
        """
        kept = [line for line in lines if not self._is_excluded(line)]
        if not kept:
            return {"excluded": True}
        read = []
        for place, line in enumerate(kept):
            try:
                read.append(self._cells(line))
            except Unreadable as error:
                raise UnreadableLine(str(error), place) from None
        if len(read) > 1:
            if not is_said:
                entities.refuse_unless_lines(read)
            entities.refuse_different_orders(read)
        return self._finished(entities.order_of(read), kept[0])

    def is_continued(self, row: Mapping[str, Any], *, is_said: bool = True) -> bool:
        """Whether a row has none of the cells that the first line of an order has.

        Unless rapport.yml says that rows are lines, it must have a cell of a line.
        """
        try:
            values = self._cells(row)
        except Unreadable:
            return False
        own = values.keys() - self._constants.keys()
        if not own.isdisjoint(entities.OF_ORDER):
            return False
        return is_said or not own.isdisjoint(entities.OF_LINE)

    def _is_excluded(self, row: Mapping[str, Any]) -> bool:
        return any(
            words.plain(cells.text(cells.at(row, column))) in given
            for column, given in self._excluded.items()
        )

    def _cells(self, row: Mapping[str, Any]) -> Values:
        values: Values = {}
        odd: dict[str, str] = {}
        for name, cell in self._constants.items():
            values[name] = cell.value
        for name, column, reader in self._columns:
            given = row[column] if column in row else cells.at(row, column)
            try:
                value, problem = reader.read(given)
            except Unreadable as error:
                value, problem = None, _in(column, given, error)
                if self.dataset.entity not in entities.OF_REFUSALS or reader.kind != "time":
                    raise Unreadable(problem) from None
            if value is not None:
                values[name] = value
            if problem is not None:
                odd[name] = problem
        if odd:
            values["odd"] = odd
        self._refuse_another_currency(values, row)
        return values

    def _refuse_another_currency(self, values: Values, row: Mapping[str, Any]) -> None:
        """Raises `Unreadable` where an amount names a currency that is not that of its row."""
        for name, column, reader in self._columns:
            if reader.saw_currency and name in values and "currency" in values:
                given = cells.text(cells.at(row, column))
                if names_another_currency(given, values["currency"]):
                    raise Unreadable(f"column {column}: another currency than that of the row")

    def _finished(self, values: Values, row: Mapping[str, Any]) -> Values:
        _spread_contacts(values)
        if self._finish is not None:
            self._finish(values, self.dataset, row)
        if self.dataset.entity == "survey_responses":
            self._score(values, row)
        if (profile := self._profile(values)) is not None:
            values["profile"] = profile
        if "odd" in values:
            self.odd.update(values["odd"].items())
        return values

    def _score(self, values: Values, row: Mapping[str, Any]) -> None:
        metric = values.get("metric") or self._metric_of(values.get("question_id"))
        if metric is not None:
            values["metric"] = metric
        if (scale := values.get("scale")) is not None and scale != "good_bad":
            if (usual := scale_of(scale)) is None:
                del values["scale"]
                values.setdefault("odd", {})["scale"] = "no scale such as 1-5"
            else:
                values["scale"] = usual
        if "score" in values:
            entities.keep_on_scale(values, "score", values.get("scale") or SCALES.get(metric or ""))
        answers: dict[str, str] = {}
        for question, reader in self._answers:
            given = row[question] if question in row else cells.at(row, question)
            value, problem = reader.read(given)
            if value is not None:
                value = on_scale(value, SCALES[self.questions[question]])
                problem = None if value is not None else entities.OFF_SCALE
            if value is not None:
                answers[question] = value
            if problem is not None:
                values.setdefault("odd", {})[question] = problem
        if answers:
            values["answers"] = answers

    def _metric_of(self, question: str | None) -> str | None:
        if question is None:
            return None
        prefix = question[:4].lower()
        known = next((metric for metric in SCALES if prefix.startswith(metric)), None)
        return self.questions.get(question, known)

    def _is_somebody(self, email: str) -> bool:
        """Whether an address is one person's; remembers it, because people repeat."""
        known = self._people.get(email)
        if known is None:
            known = cells.is_address(email) and not self._blocked.blocks("email", email.lower())
            if len(self._people) >= REMEMBERED:
                self._people.clear()
            self._people[email] = known
        return known

    def _profile(self, values: Values) -> str | None:
        for name in ("customer_id", "user_id"):
            if name in values:
                return str(values[name])
        email = values.get("email")
        is_usable = self.dataset.entity != "contacts" or self._is_keyed_by_email
        if email and is_usable and self._is_somebody(email):
            return str(email).lower()
        device = values.get("device_id")
        return str(device) if device else None


def _spread_contacts(values: Values) -> None:
    """The first address of a cell is the person's, the others are further ones."""
    for name, more in (("email", "additional_emails"), ("phone", "additional_phones")):
        found = values.get(name)
        if isinstance(found, list):
            values[name] = found[0]
            if others := [*found[1:], *values.get(more, [])]:
                values[more] = list(dict.fromkeys(others))


def _in(column: str, given: Any, error: Unreadable) -> str:
    found = shape(cells.text(given))
    return f"column {column}: {error} (written like {found})"
