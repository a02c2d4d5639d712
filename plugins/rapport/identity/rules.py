"""The rules of identity resolution: `rules.yml`, overridden by `identity:` in rapport.yml.

>>> rules = load_rules({"types": {"phone": {"cap": 4}}})
>>> rules.of("phone").cap, rules.of("loyalty_card").is_weak
(4, False)
"""

import hashlib
import re
from functools import cached_property
from importlib import resources
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from text_unidecode import unidecode  # type: ignore[import-untyped]

from rapport.connectors import all_sources
from rapport.errors import ConfigError
from rapport.vendors.vendor import Vendor

SEPARATORS = re.compile("[^a-z0-9]+")


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

    enabled: bool = False
    link_at: float = Field(gt=0.5, lt=1)
    review_at: float = Field(gt=0, lt=1)
    max_block: int = Field(ge=2, le=10_000)
    refit_growth: float = Field(gt=1)
    memory_mb: int = Field(ge=64)
    review_rows: int = Field(ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.review_at > self.link_at:
            raise ValueError("review_at must not be greater than link_at")
        return self


class Rules(BaseModel):
    """The validated rules: `rules.yml`, `role_mailboxes.yml` and the overrides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source_priority: list[str]
    regions: dict[str, str] = {}
    types: dict[str, TypeRule]
    other_types: TypeRule
    blocked_values: list[str]
    blocked_patterns: dict[str, list[str]]
    email_roles: dict[str, list[str]] = {}
    email_ignore_dots: list[str] = []
    email_ignore_plus_tags: list[str] = []
    matching: Matching

    @field_validator("blocked_patterns")
    @classmethod
    def _compile(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        for pattern in (pattern for patterns in value.values() for pattern in patterns):
            try:
                groups = re.compile(pattern).groups
            except re.error as error:
                raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
            if groups and re.search(r"\\[1-9]", pattern):
                raise ValueError(
                    f"{pattern!r} refers to a group by number; use a name, as in (?P<x>.)(?P=x)"
                )
        return value

    def of(self, identifier_type: str) -> TypeRule:
        """The rule of an identifier type; types without a rule of their own share `other_types`."""
        return self.types.get(identifier_type, self.other_types)

    def rank(self, source: str) -> int:
        """The position of a source in the order of sources; sources without a rank come last."""
        if known := self.source_priority:
            return known.index(source) if source in known else len(known)
        connector = all_sources().get(source)
        return connector.vendor.id_rank if connector else Vendor.id_rank

    def blocks(self, identifier_type: str, normal_form: str) -> str | None:
        """`blocked_value` or `blocked_pattern` if the value must not link, else None."""
        if normal_form.casefold() in self._values:
            return "blocked_value"
        for key in (identifier_type, "any"):
            pattern = self._patterns.get(key)
            if pattern and pattern.search(normal_form):
                return "blocked_pattern"
        if identifier_type == "email" and self._is_role(normal_form):
            return "blocked_pattern"
        return None

    def _is_role(self, email: str) -> bool:
        """Whether the mailbox belongs to a role, as `info+shop@`, `no_reply@` or `sales-de2@`."""
        local = email.rpartition("@")[0].partition("+")[0].casefold().rstrip("0123456789")
        words = [word for word in SEPARATORS.split(unidecode(local)) if word]
        if "".join(words) in self._roles:
            return True
        roles = [word in self._roles for word in words]
        return any(roles[:1]) and all(
            is_role or len(word) == 2 for word, is_role in zip(words, roles, strict=True)
        )

    @cached_property
    def _values(self) -> frozenset[str]:
        return frozenset(value.casefold() for value in self.blocked_values)

    @cached_property
    def _roles(self) -> frozenset[str]:
        return frozenset(role for roles in self.email_roles.values() for role in roles)

    @cached_property
    def _patterns(self) -> dict[str, re.Pattern[str]]:
        return {
            identifier_type: re.compile(
                "|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE
            )
            for identifier_type, patterns in self.blocked_patterns.items()
            if patterns
        }

    def digest(self, *keys: str) -> str:
        """The SHA-256 (hex) of the rules or of some keys; a change makes a full run necessary."""
        text = self.model_dump_json(include=set(keys) or None, exclude={"matching"})
        return hashlib.sha256(text.encode()).hexdigest()


def load_rules(overrides: dict[str, Any] | None = None) -> Rules:
    """The shipped rules with the overrides applied: mappings are merged, lists are replaced.

    Raises `ConfigError` with the key that is wrong.
    """
    shipped = _shipped("rules.yml") | {"email_roles": _shipped("role_mailboxes.yml")}
    try:
        return Rules.model_validate(_merge(shipped, overrides or {}))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"rapport.yml: identity.{where}: {first['msg']}. Known keys: "
            f"{', '.join(Rules.model_fields)}."
        ) from None


def _shipped(name: str) -> dict[str, Any]:
    text = resources.files("rapport.identity").joinpath(name).read_text("utf-8")
    return dict(yaml.safe_load(text))


def _merge(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in top.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged
