"""What sources share that map columns in rapport.yml: which column of theirs means what.

>>> mapped = Mapped(entity="orders", columns={"email": "mail", "customer_id": "id"})
>>> people_of(mapped.columns, "shop")
{'mail': 'email', 'id': 'files:shop'}
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from rapport.vendors.entities import FIELDS, fields_of
from rapport.vendors.time_formats import checked_format
from rapport.vendors.words import WORDS

Decimal = Literal[".", ","]
Thousands = Literal[",", ".", " ", "'", "none"]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"no time zone {name!r}, write one like Europe/Berlin") from None
    return name


def _listed(given: Any) -> Any:
    return [given] if isinstance(given, str) else given


Format = Annotated[str, AfterValidator(checked_format)]
Zone = Annotated[str, AfterValidator(_known_zone)]


class Block(BaseModel):
    """No unknown key, no change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Dialect(Block):
    """How cells are written, for a dataset or for one column of it.

    `decimal` and `thousands` are the signs in numbers. Without them a number is read where it can
    only mean one thing, and `1.234` is refused. `timezone` is that of times without one; without
    it, the company's. `nulls` are words that mean nothing, beside the usual ones.
    """

    decimal: Decimal | None = None
    thousands: Thousands | None = None
    timezone: Zone | None = None
    nulls: tuple[str, ...] = ()

    _nulls = field_validator("nulls", mode="before")(_listed)

    @model_validator(mode="after")
    def _two_signs(self) -> "Dialect":
        if self.decimal is not None and self.decimal == self.thousands:
            raise ValueError("decimal and thousands are the same sign")
        return self


class Column(Dialect):
    """Where a value comes from: a column, or one value for all rows; and how it is written.

    `column` may be a path with dots into nested records. `format` is how times are written, or a
    list of formats that are tried in turn; without it, those of the dataset or ISO 8601. `values`
    says what the words of the column mean: `{Geschlossen: closed}`. `separator` is between several
    addresses in one cell; without it, any of `;`, `,` and `|`.
    """

    column: str | None = None
    value: str | None = None
    format: tuple[Format, ...] = ()
    values: dict[str, str] = Field(default_factory=dict)
    separator: str | None = None

    _formats = field_validator("format", mode="before")(_listed)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, given: Any) -> Any:
        return {"column": given} if isinstance(given, str) else given

    @field_validator("value", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int | float) else value

    @field_validator("values", mode="before")
    @classmethod
    def _texts(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {
            word: _yaml_words(meant)[0]
            for written, meant in given.items()
            for word in _yaml_words(written)
        }

    @model_validator(mode="after")
    def _one_of_both(self) -> "Column":
        if (self.column is None) == (self.value is None):
            raise ValueError("give either a column or a value")
        return self


def _yaml_words(word: Any) -> list[Any]:
    """YAML reads yes, no, on and 5 as something else than the word in the file."""
    if isinstance(word, bool):
        return ["true", "yes", "on", "y"] if word else ["false", "no", "off", "n"]
    return [str(word)] if isinstance(word, int | float) else [word]


DatasetName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,50}$")]
Rows = Literal["lines", "versions", "snapshot", "events"]


class Mapped(Dialect):
    """What every mapped dataset has: an entity, a key, and the columns that it maps.

    `namespace` is shared by datasets whose `customer_id` is the same id. `key` are the columns that
    make a row the same row when it comes again. `rows` says how rows make objects: `lines` of one
    order are added up, of `versions` of one object the newest counts, a `snapshot` is all there is
    (what is missing from the newest file is gone), `events` are each a thing of their own.
    `times` are the formats of its times. `exclude` leaves rows out by the words of a column:
    `{Test: ["yes"]}`. `enabled: false` reads no
    more; what has landed stays known, and becomes stale.
    """

    entity: str
    namespace: str | None = Field(default=None, pattern="^[A-Za-z0-9_.-]+$")
    key: tuple[str, ...] = ()
    rows: Rows | None = None
    times: tuple[Format, ...] = ()
    columns: dict[str, Column] = Field(default_factory=dict)
    exclude: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    enabled: bool = True

    _lists = field_validator("key", "times", mode="before")(_listed)

    @field_validator("exclude", mode="before")
    @classmethod
    def _words(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        lists = {
            name: words if isinstance(words, list) else [words] for name, words in given.items()
        }
        return {
            name: tuple(word for written in words for word in _yaml_words(written))
            for name, words in lists.items()
        }

    @field_validator("entity")
    @classmethod
    def _known_entity(cls, value: str) -> str:
        if value and value not in FIELDS:
            raise ValueError(f"no entity {value}, there are: {', '.join(FIELDS)}")
        return value

    @model_validator(mode="after")
    def _known_fields(self) -> "Mapped":
        if not self.entity:
            if self.columns:
                raise ValueError("columns need an entity")
            return self
        known = fields_of(self.entity)
        for name, column in self.columns.items():
            if name not in known:
                raise ValueError(f"{self.entity} have no {name}, they have: {', '.join(known)}")
            if column.format and known[name].kind not in ("time", "date"):
                raise ValueError(f"{name} is no time, so it takes no format")
            self._check_words(name, column)
        if self.rows == "lines" and self.entity != "orders":
            raise ValueError("only orders have lines")
        return self

    def _check_words(self, name: str, column: Column) -> None:
        meanings = WORDS.get((self.entity, name))
        if column.values and meanings is None and name not in ("event_name", "metric", "rating"):
            raise ValueError(f"{name} takes no values: it has no words of its own")
        if meanings and (wrong := sorted(set(column.values.values()) - set(meanings))):
            raise ValueError(f"{name} can not be {wrong[0]}, it can be: {', '.join(meanings)}")

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns that must be there."""
        mapped = (column.column for column in self.columns.values() if column.column is not None)
        return tuple(dict.fromkeys((*self.key, *mapped, *self.exclude)))


def people_of(columns: Mapping[str, Column], namespace: str) -> dict[str, str]:
    """Which columns of the rows name a person, and whose ids are in them."""
    kinds = {
        "email": "email",
        "additional_emails": "email",
        "customer_id": f"files:{namespace}",
        "user_id": "user_id",
    }
    found: dict[str, list[str]] = {}
    for name, column in columns.items():
        if name in kinds and column.column is not None:
            found.setdefault(column.column, []).append(kinds[name])
    return {column: ", ".join(dict.fromkeys(names)) for column, names in found.items()}
