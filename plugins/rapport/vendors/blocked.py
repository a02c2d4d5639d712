"""Values that stand for nobody: placeholders, and mailboxes of a role.

They are in `blocked.yml` and `role_mailboxes.yml`; `identity:` in rapport.yml overrides them.

>>> load_blocked().blocks("customer_id", "0"), load_blocked().blocks("email", "info+a@shop.example")
('blocked_pattern', 'blocked_pattern')
"""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import resources
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, field_validator
from text_unidecode import unidecode  # type: ignore[import-untyped]

SEPARATORS = re.compile("[^a-z0-9]+")


class Blocked(BaseModel):
    """The values and patterns of each identifier type that stand for nobody."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    blocked_values: list[str]
    blocked_patterns: dict[str, list[str]]
    email_roles: dict[str, list[str]] = {}

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
    def is_as_shipped(self) -> bool:
        """Whether rapport.yml changes nothing."""
        own = shipped()
        return (self.blocked_values, self.blocked_patterns, self.email_roles) == (
            own["blocked_values"], own["blocked_patterns"], own["email_roles"],
        )  # fmt: skip

    def lets_all(self, ids: Sequence[str]) -> bool:
        """Whether no id of those with a letter or a digit other than 0 is a shipped value."""
        return self._values.isdisjoint(map(str.casefold, ids))

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


def load_blocked(overrides: Mapping[str, Any] | None = None) -> Blocked:
    """The shipped values with the overrides applied; other keys of `identity:` are left out."""
    own = {key: value for key, value in (overrides or {}).items() if key in Blocked.model_fields}
    return Blocked.model_validate(merged(shipped(), own))


def shipped() -> dict[str, Any]:
    """What the package ships."""
    return {**_read("blocked.yml"), "email_roles": _read("role_mailboxes.yml")}


def merged(base: dict[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """Both: mappings are merged, lists are replaced."""
    both = dict(base)
    for key, value in top.items():
        are_mappings = isinstance(value, dict) and isinstance(both.get(key), dict)
        both[key] = merged(both[key], value) if are_mappings else value
    return both


def _read(name: str) -> dict[str, Any]:
    text = resources.files("rapport.vendors").joinpath(name).read_text("utf-8")
    return dict(yaml.safe_load(text))
