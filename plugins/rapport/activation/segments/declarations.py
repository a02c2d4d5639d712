"""The segments of the project: what each pair of files in `models/segments` declares.

>>> definitions = load()  # doctest: +SKIP
>>> definitions.segments["payment_failed"].purpose  # doctest: +SKIP
'service'
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from rapport.connectors import destination_names, kind_of
from rapport.errors import RapportError
from rapport.paths import project_root
from rapport.settings import Block, load_settings
from rapport.transform.segment_files import FOLDER, check_sql, parse, read_yaml
from rapport.vendors.destination import Audience, Mode

WHERE = ("models", 0, "config", "meta", "segment")
Purpose = Literal["marketing", "feedback", "service"]
Channel = Literal["email", "sms", "push", "none"]


class Goal(Block):
    """The goal of a play: a row of a published mart about the customer, within days of entering.

    `at` is the column with the time, `where` has the values that other columns must have.
    """

    mart: str = Field(pattern="^[a-z][a-z0-9_]+$")
    at: str
    where: dict[str, str | bool | int] = Field(default_factory=dict)
    within_days: int = Field(default=30, ge=1, le=366)


class Segment(Block):
    """What the YAML of one segment says.

    `traits` maps columns of the model to the names that destinations use. A customer gets one
    campaign per channel and run, from the segment with the lowest `priority`. `size_band` has the
    least and the most members that are plausible; without it, both come from the sizes in earlier
    runs. `change_budget` is the share of the list that may change in one run without approval.
    Members of a segment that `suppresses` a purpose get nothing
    of that purpose from other segments. `needs` names the canonical entities that the SQL reads:
    while a source of one of them is stale, nobody is added. `channel: none` is a list for people
    to work with; no message is sent to it.

    Mode `mirror` takes off customers who left, `upsert` does not, and `add-only` does not change
    customers on the list either. In each mode, customers who refuse consent are taken off. A play
    with `steps` keeps a customer from day 0 to the last of these days since entering, or until the
    `goal`, and sends the number of the step as a trait. `variants` are shares of the treated
    customers, who are assigned evenly within each value of `strata`. Customers whose identity rests
    on a probable match below `identity_confidence` are not sent.
    """

    key: str = Field(pattern="^[a-z][a-z0-9_]{2,50}$")
    name: str = Field(min_length=3)
    description: str = Field(min_length=20)
    owner: str = Field(min_length=2)
    purpose: Purpose
    channel: Channel
    destinations: tuple[str, ...]
    traits: dict[str, str] = Field(default_factory=dict)
    priority: int = Field(default=100, ge=1)
    holdout_share: float = Field(default=0.0, ge=0.0, lt=1.0)
    size_band: tuple[int, int] | None = None
    change_budget: float = Field(default=0.3, gt=0.0, le=1.0)
    expires: date
    suppresses: tuple[Purpose, ...] = ()
    needs: tuple[str, ...] = Field(min_length=1)
    mode: Mode = "mirror"
    goal: Goal | None = None
    steps: tuple[Annotated[int, Field(ge=0, le=366)], ...] = ()
    variants: dict[str, Annotated[float, Field(gt=0.0, lt=1.0)]] = Field(default_factory=dict)
    strata: tuple[str, ...] = ()
    identity_confidence: float = Field(default=0.0, ge=0.0, le=1.0)

    @field_validator("destinations")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in destination_names():
                raise ValueError(
                    f'no destination "{name}", there are: {", ".join(destination_names())}'
                )
        return value

    @model_validator(mode="after")
    def _sound(self) -> "Segment":
        if self.size_band and self.size_band[0] > self.size_band[1]:
            raise ValueError("size_band: the least is above the most")
        if self.channel == "none" and self.purpose != "service":
            raise ValueError("channel none is for service: name the channel of the message")
        for name in self.destinations:
            if (sends_by := kind_of(name).sends_by) not in (None, self.channel):
                raise ValueError(f"channel {self.channel}: {name} sends by {sends_by}, name that")
            if self.mode not in (modes := kind_of(name).modes):
                raise ValueError(f"mode {self.mode}: {name} can {', '.join(modes)}")
        if list(self.steps) != sorted(set(self.steps)):
            raise ValueError("steps: days since entering, each later than the one before")
        if self.steps and self.goal is None:
            raise ValueError("steps: a series needs a goal that ends it")
        if self.variants and abs(sum(self.variants.values()) - 1) > 1e-6:
            raise ValueError("variants: the shares must add up to 1")
        return self

    @classmethod
    def unknown(cls, key: str, purpose: Purpose, channel: Channel) -> "Segment":
        """A segment of which only these are known any more."""
        return cls.model_construct(
            key=key, name=key, description="", owner="", purpose=purpose, channel=channel,
            destinations=(), traits={}, size_band=(0, 0), expires=date.max, needs=(),
        )  # fmt: skip

    def retire(self) -> "Segment":
        """The same segment for a list that is no longer declared: everybody on it must leave."""
        return self.model_copy(
            update={
                "destinations": (), "traits": {}, "steps": (), "variants": {}, "suppresses": (),
                "size_band": (0, 0), "change_budget": 0.0001, "expires": date.max,
                "mode": "mirror",
            }
        )  # fmt: skip

    @property
    def model(self) -> str:
        """The name of the dbt model.

        A segment's key is the name of its model without `seg_`, so that neither is used twice.
        """
        return f"seg_{self.key}"

    @property
    def is_campaign(self) -> bool:
        """Whether priority and caps apply; a service message is always sent."""
        return self.purpose != "service"

    @property
    def step_trait(self) -> str:
        """The trait with the step of the series that a customer has reached, from 1 on."""
        return f"{self.key}_step"

    @property
    def variant_trait(self) -> str:
        """The trait with the variant that a customer gets."""
        return f"{self.key}_variant"

    @property
    def trait_names(self) -> tuple[str, ...]:
        """The names of all traits at destinations, sorted."""
        destination_names = {*self.traits.values()}
        destination_names |= {self.step_trait} if self.steps else set()
        destination_names |= {self.variant_trait} if self.variants else set()
        return tuple(sorted(destination_names))

    def audience(self, types: Mapping[str, str]) -> Audience:
        """The list as destinations see it; `types` are those of the model's columns."""
        attributes = {name: types[column] for column, name in self.traits.items()}
        if self.steps:
            attributes[self.step_trait] = "integer"
        if self.variants:
            attributes[self.variant_trait] = "string"
        return Audience(self.key, self.name, self.channel, self.purpose, attributes)


@dataclass(frozen=True)
class Definitions:
    """The valid segments by key in order of priority, and the problems of the others by name.

    `doubtful` has the names of the others that may suppress other lists.
    """

    segments: dict[str, Segment]
    problems: dict[str, str] = field(default_factory=dict)
    doubtful: frozenset[str] = frozenset()


def load(folder: Path | None = None) -> Definitions:
    """Read every YAML of the folder; an invalid file is a problem and does not stop the others.

    Files that have not changed since the last call are not read again.
    """
    folder = folder or project_root() / FOLDER
    seen = tuple((path.name, *_stamp(path)) for path in sorted(folder.glob("*")))
    return _load(folder, seen, repr(load_settings().destinations))


def _stamp(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:  # a link that leads nowhere
        return (0, 0)
    return (stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4)
def _load(folder: Path, _seen: tuple[Any, ...], _destinations: str) -> Definitions:
    found: dict[str, Segment] = {}
    problems: dict[str, str] = {}
    for path in sorted(folder.glob("*.yml")):
        try:
            segment = read(path)
            if segment.key in found:
                raise ValueError(f'{path}: the key "{segment.key}" is used by another file.')
            found[segment.key] = segment
        except (ValueError, OSError, RapportError) as error:
            problems[path.stem] = str(error)
    for path in sorted(folder.glob("*.sql")):
        if not path.with_suffix(".yml").is_file():
            problems[path.stem] = f"{path}: no {path.stem}.yml beside it. Write one."
    doubtful = frozenset(stem for stem in problems if _may_suppress(folder / f"{stem}.yml"))
    by_priority = sorted(found.values(), key=lambda segment: (segment.priority, segment.key))
    return Definitions({segment.key: segment for segment in by_priority}, problems, doubtful)


def read(path: Path) -> Segment:
    """The segment of one YAML file; raises `ValueError` with file, line, key and the fix."""
    document, content = read_yaml(path)
    model = content["models"][0]
    try:
        segment = Segment.model_validate(model["config"]["meta"]["segment"])
    except ValidationError as error:
        raise ValueError(document.explain(error, Segment, WHERE)) from None
    query = path.with_suffix(".sql")
    if not query.is_file():
        raise ValueError(f"{path}:1: no {path.stem}.sql beside it. Write one.")
    check_sql(query, query.read_text(encoding="utf-8"))
    if model.get("name") != path.stem or segment.model != path.stem:
        raise ValueError(
            document.at(WHERE, f'file, model and "seg_" + key must be one name: {path.stem}.')
        )
    return segment


def _may_suppress(path: Path) -> bool:
    """Whether a file that is not valid may suppress other lists.

    It may not if it is YAML with known keys only and `suppresses` is not among them.
    """
    try:
        declared: Any = parse(path)[1]["models"][0]["config"]["meta"]["segment"]
        return "suppresses" in declared or not declared.keys() <= Segment.model_fields.keys()
    except (ValueError, OSError, RapportError, KeyError, TypeError, IndexError, AttributeError):
        return True
