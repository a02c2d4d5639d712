"""The blocks of `rapport.yml` as models; a block of options is checked by the area it belongs to.

>>> Settings().schedule.cutoff_minutes
120
"""

import re
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator

from rapport.errors import ConfigError
from rapport.paths import config_file
from rapport.settings.document import Document

Options = dict[str, Any]
Model = TypeVar("Model", bound=BaseModel)


_HOST = re.compile(r"([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}")


class Block(BaseModel):
    """A block of the file: no unknown key, no change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Company(Block):
    """Whose customers these are; `default_region` reads phone numbers without a country code."""

    name: str = "Example"
    default_region: str = Field(default="DE", pattern="^[A-Z]{2}$")
    timezone: str = "Europe/Berlin"
    currency: str = Field(default="EUR", pattern="^[A-Z]{3}$")

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"no time zone {value!r}, write one like Europe/Berlin") from None
        return value


class Sandbox(Block):
    """The size of the invented company, and the seed that it is drawn by."""

    people: int = Field(default=2000, ge=1)
    seed: int = 7


class Schedule(Block):
    """When the run begins (cron, UTC) and how long its build waits for late sources."""

    nightly: str = "0 3 * * *"
    cutoff_minutes: int = Field(default=120, ge=1)

    @field_validator("nightly")
    @classmethod
    def _five_fields(cls, value: str) -> str:
        if len(value.split()) != 5:
            raise ValueError('not a cron line of five fields, write one like "0 3 * * *"')
        return value


class Settings(Block):
    """The whole file. Blocks of options belong to their area, which checks them by `checked`.

    A visitor who comes from one of `own_domains`, or from a site below one, continues the visit.
    """

    company: Company = Company()
    own_domains: tuple[str, ...] = ()
    demo: bool = False
    sandbox: Sandbox = Sandbox()
    sources: dict[str, Options] = Field(default_factory=dict)
    destinations: dict[str, Options] = Field(default_factory=dict)
    schedule: Schedule = Schedule()
    surveys: dict[str, dict[str, dict[str, Literal["nps", "csat", "ces"]]]] = Field(
        default_factory=dict
    )
    identity: Options = Field(default_factory=dict)
    activation: Options = Field(default_factory=dict)
    alerts: Options = Field(default_factory=dict)
    privacy: Options = Field(default_factory=dict)
    _document: "Document | None" = PrivateAttr(default=None)

    @field_validator("own_domains", mode="before")
    @classmethod
    def _no_domains(cls, value: Any) -> Any:
        return value or ()

    @field_validator("own_domains")
    @classmethod
    def _hosts(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not _HOST.fullmatch(value):
                raise ValueError(f"no domain {value!r}, write one like shop.example.com")
        return tuple(value.lower().removeprefix("www.") for value in values)

    @field_validator("*", mode="before")
    @classmethod
    def _nothing_is_the_default(cls, value: Any) -> Any:
        return {} if value is None else value

    @field_validator("sources", "destinations", "surveys", mode="before")
    @classmethod
    def _no_options(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: {} if inner is None else inner for key, inner in value.items()}

    def enabled(self, kind: Literal["sources", "destinations"]) -> dict[str, Options]:
        """The options of each source or destination that is not turned off, in file order."""
        return {
            name: _without_enabled(options)
            for name, options in getattr(self, kind).items()
            if options.get("enabled", True)
        }

    def source_options(self, name: str) -> Options:
        """The options of one source; none where it does not stand in the file."""
        return _without_enabled(self.sources.get(name, {}))

    def destination_options(self, name: str) -> Options:
        """The options of one destination; none where it does not stand in the file."""
        return _without_enabled(self.destinations.get(name, {}))

    def checked(self, key: str, model: type[Model]) -> Model:
        """The block at a dotted key as its area's model: `checked("identity", IdentityOptions)`.

        `enabled` of a source or destination is left out. Raises `ConfigError`.
        """
        path = tuple(key.split("."))
        value: Any = self.model_dump()
        for part in path:
            value = value.get(part, {})
        if path[0] in ("sources", "destinations"):
            value = _without_enabled(value)
        try:
            return model.model_validate(value)
        except ValidationError as error:
            document = self._document or Document(config_file(), None)
            raise ConfigError(document.explain(error, model, path)) from None


def _without_enabled(options: Options) -> Options:
    return {key: value for key, value in options.items() if key != "enabled"}
