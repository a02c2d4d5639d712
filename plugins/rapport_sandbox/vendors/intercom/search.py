"""Intercom's search tree as SQL over the sandbox's contacts.

Dates are compared by calendar day in the workspace's time zone: `updated_at > t` begins at the
midnight after t.

>>> compile({"field": "external_id", "operator": "=", "value": "c_1"})
('external_id = ?', ['c_1'])
"""

# ruff: noqa: S608 - table and column names come from this package, values are bound

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")
DATES = {"created_at": "created", "updated_at": "updated",
         "signed_up_at": "json_extract(body, '$.signed_up_at')",
         "last_seen_at": "json_extract(body, '$.last_seen_at')"}  # fmt: skip
FIELDS = {
    "id": "id",
    "external_id": "external_id",
    "email": "lower(email)",
    "unsubscribed_from_emails": "is_out",
    "has_hard_bounced": "json_extract(body, '$.has_hard_bounced')",
    "marked_email_as_spam": "json_extract(body, '$.marked_email_as_spam')",
    "role": "json_extract(body, '$.role')",
    "name": "json_extract(body, '$.name')",
    "phone": "json_extract(body, '$.phone')",
}
MOST = 15


def compile(query: Any, depth: int = 0) -> tuple[str, list[Any]]:
    """(where, values). Raises ValueError for what Intercom refuses."""
    if not isinstance(query, dict) or "operator" not in query:
        raise ValueError("query is not a valid search query")
    operator, value = query["operator"], query.get("value")
    if operator in ("AND", "OR"):
        if depth >= 2:
            raise ValueError("a query may be nested at most 2 levels deep")
        if not isinstance(value, list) or not 0 < len(value) <= MOST:
            raise ValueError(f"a group holds 1 to {MOST} filters")
        parts = [compile(part, depth + 1) for part in value]
        joined = f" {operator.lower()} ".join(f"({sql})" for sql, _ in parts)
        return f"({joined})", [one for _, values in parts for one in values]
    field = str(query.get("field"))
    if field in DATES:
        return _date(DATES[field], operator, value)
    return _plain(_column(field), operator, value, field)


def day(moment: int, days: int = 0) -> int:
    """Unix seconds of the midnight that begins the day of `moment`, some days later."""
    date = datetime.fromtimestamp(moment, ZONE).date() + timedelta(days=days)
    return int(datetime.combine(date, time(), ZONE).timestamp())


def _date(column: str, operator: str, value: Any) -> tuple[str, list[Any]]:
    try:
        moment = int(value)
    except (TypeError, ValueError):
        raise ValueError("a date is given in unix seconds") from None
    if operator == ">":
        return f"{column} >= ?", [day(moment, 1)]
    if operator == "<":
        return f"{column} < ?", [day(moment)]
    if operator == "=":
        return f"({column} >= ? and {column} < ?)", [day(moment), day(moment, 1)]
    raise ValueError(f"operator {operator} is not supported on dates")


def _column(field: str) -> str:
    if field in FIELDS:
        return FIELDS[field]
    if field == "tag_id":
        return "tag_id"
    name = field.removeprefix("custom_attributes.")
    if name != field and name.replace("_", "").replace(" ", "").isalnum():
        return f"json_extract(body, '$.custom_attributes.\"{name}\"')"
    raise ValueError(f"{field} is not a searchable field")


def _plain(column: str, operator: str, value: Any, field: str) -> tuple[str, list[Any]]:
    values = value if isinstance(value, list) else [value]
    values = [v.lower() if field == "email" and isinstance(v, str) else v for v in values]
    marks = ", ".join("?" * len(values))
    if column == "tag_id":
        word = "not in" if operator in ("!=", "NIN") else "in"
        inner = f"select contact_id from intercom_contact_tags where tag_id in ({marks})"
        return f"id {word} ({inner})", [str(v) for v in values]
    if operator in ("IN", "NIN"):
        return f"{column} {'in' if operator == 'IN' else 'not in'} ({marks})", values
    if operator in ("=", "!="):
        if value is None:
            return f"{column} is {'not ' if operator == '!=' else ''}null", []
        return f"{column} {'=' if operator == '=' else 'is not'} ?", values
    if operator in (">", "<"):
        return f"{column} {operator} ?", values
    patterns = {"~": "%{}%", "^": "{}%", "$": "%{}"}
    if operator in patterns:
        return f"{column} like ?", [patterns[operator].format(values[0])]
    if operator == "!~":
        return f"{column} not like ?", [f"%{values[0]}%"]
    raise ValueError(f"operator {operator} is not supported")
