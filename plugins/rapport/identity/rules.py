"""The rules of identity resolution: `rules.yml`, overridden by `identity:` in rapport.yml.

>>> rules = load_rules({"types": {"phone": {"cap": 4}}})
>>> rules.of("phone").cap, rules.of("loyalty_card").is_weak
(4, False)
"""

import hashlib
from importlib import resources
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rapport.connectors import all_sources
from rapport.errors import ConfigError
from rapport.vendors import blocked
from rapport.vendors.blocked import Blocked
from rapport.vendors.vendor import Vendor


class TypeRule(BaseModel):
    """How an identifier type links profiles. The fields are explained in `rules.yml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weight: int = Field(ge=1, le=10_000)
    cap: int = Field(ge=1)
    is_weak: bool = False
    is_marker: Literal["always", "confirmed", "never"] = "never"
    is_account: bool = False


class Matching(BaseModel):
    """The settings of probabilistic matching, explained in `rules.yml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: Literal["auto"] | bool = "auto"
    expected_precision: float = Field(gt=0.5, lt=1)
    link_at: float | None = Field(None, gt=0.5, lt=1)
    review_at: float = Field(gt=0, lt=1)
    max_block: int = Field(ge=2, le=10_000)
    candidates: int = Field(ge=1, le=1000)
    refit_growth: float = Field(gt=1)
    memory_mb: int = Field(ge=64)
    review_rows: int = Field(ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.link_at is not None and self.review_at > self.link_at:
            raise ValueError("review_at must not be greater than link_at")
        return self


class Rules(Blocked):
    """The validated rules: `rules.yml`, the blocked values and the overrides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source_priority: list[str]
    regions: dict[str, str] = Field(default_factory=dict)
    types: dict[str, TypeRule]
    other_types: TypeRule
    email_ignore_dots: list[str] = Field(default_factory=list)
    email_ignore_plus_tags: list[str] = Field(default_factory=list)
    matching: Matching

    def of(self, identifier_type: str) -> TypeRule:
        """The rule of an identifier type; types without a rule of their own share `other_types`."""
        return self.types.get(identifier_type, self.other_types)

    def rank(self, source: str) -> int:
        """The position of a source in the order of sources; sources without a rank come last."""
        if known := self.source_priority:
            return known.index(source) if source in known else len(known)
        connector = all_sources().get(source)
        return connector.vendor.id_rank if connector else Vendor.id_rank

    def digest(self, *keys: str) -> str:
        """The SHA-256 (hex) of the rules or of some keys; a change makes a full run necessary."""
        text = self.model_dump_json(include=set(keys) or None, exclude={"matching"})
        return hashlib.sha256(text.encode()).hexdigest()


def load_rules(overrides: dict[str, Any] | None = None) -> Rules:
    """The shipped rules with the overrides applied: mappings are merged, lists are replaced.

    Raises `ConfigError` with the key that is wrong.
    """
    text = resources.files("rapport.identity").joinpath("rules.yml").read_text("utf-8")
    shipped = dict(yaml.safe_load(text)) | blocked.shipped()
    try:
        return Rules.model_validate(blocked.merged(shipped, overrides or {}))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"rapport.yml: identity.{where}: {first['msg']}. Known keys: "
            f"{', '.join(Rules.model_fields)}."
        ) from None
