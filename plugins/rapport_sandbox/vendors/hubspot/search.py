"""HubSpot's filter groups as SQL over the sandbox's table.

>>> found = {"propertyName": "hs_object_id", "operator": "GT", "value": "7"}
>>> compile([{"filters": [found]}], [], "lastmodifieddate")
('((id > ?))', [7], 'id')
"""

import re
from typing import Any

from rapport_sandbox.clock import iso, parse_iso

COMPARISONS = {"EQ": "=", "NEQ": "<>", "GT": ">", "GTE": ">=", "LT": "<", "LTE": "<="}
NUMBERS = ("amount", "numberofemployees")
_NAME = re.compile(r"[a-z0-9_]+")


def compile(groups: Any, sorts: Any, cursor: str) -> tuple[str, list[Any], str]:
    """(where, values, order by); groups are joined by OR, filters by AND.

    Raises ValueError with HubSpot's kind of message for what it would refuse.
    """
    if not isinstance(groups, list) or len(groups) > 6:
        raise ValueError("filterGroups must be a list of at most 6 groups")
    values: list[Any] = []
    either = []
    for group in groups:
        filters = group.get("filters", [])
        if len(filters) > 6:
            raise ValueError("a group holds at most 6 filters")
        both = [_filter(item, cursor, values) for item in filters]
        either.append("(" + (" and ".join(both) or "true") + ")")
    where = "(" + (" or ".join(either) or "true") + ")"
    return where, values, _order(sorts, cursor)


def _filter(item: Any, cursor: str, values: list[Any]) -> str:
    name, operator = str(item.get("propertyName")), item.get("operator")
    column, convert = _column(name, cursor)
    if operator == "HAS_PROPERTY":
        return f"(coalesce({column}, '') <> '')"
    if operator == "NOT_HAS_PROPERTY":
        return f"(coalesce({column}, '') = '')"
    if operator in COMPARISONS:
        values.append(convert(item.get("value")))
        return f"{column} {COMPARISONS[operator]} ?"
    if operator == "BETWEEN":
        values.extend((convert(item.get("value")), convert(item.get("highValue"))))
        return f"{column} between ? and ?"
    if operator in ("IN", "NOT_IN"):
        options = [convert(value) for value in item.get("values", [])]
        values.extend(options)
        word = "in" if operator == "IN" else "not in"
        return f"{column} {word} ({', '.join('?' * len(options))})"
    if operator == "CONTAINS_TOKEN":
        values.append(str(item.get("value", "")).replace("*", "%"))
        return f"{column} like ?"
    raise ValueError(f"operator {operator} is not supported")


def _column(name: str, cursor: str) -> tuple[str, Any]:
    if not _NAME.fullmatch(name):
        raise ValueError(f"There was a problem with the request: property {name!r} does not exist")
    if name == cursor:
        return "updated", _moment
    if name == "hs_object_id":
        return "id", _whole
    path = f"json_extract(body, '$.properties.{name}')"
    if name in NUMBERS:
        return f"cast({path} as real)", float
    if name in ("createdate", "closedate", "hs_createdate"):
        return path, lambda value: iso(_moment(value))
    return path, str


def _moment(value: Any) -> int:
    """Milliseconds, given as such or as ISO 8601."""
    try:
        return int(value)
    except (TypeError, ValueError):
        try:
            return parse_iso(str(value))
        except ValueError:
            raise ValueError(f"{value!r} is no date: give milliseconds or ISO 8601") from None


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is no number") from None


def _order(sorts: Any, cursor: str) -> str:
    parts = []
    for sort in sorts or []:
        name = sort if isinstance(sort, str) else str(sort.get("propertyName"))
        descends = not isinstance(sort, str) and sort.get("direction") == "DESCENDING"
        parts.append(_column(name, cursor)[0] + (" desc" if descends else ""))
    return ", ".join([*parts[:1], "id"])
