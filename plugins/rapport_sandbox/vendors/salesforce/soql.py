"""The part of Salesforce's query language that its double knows, as SQL over JSON records.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/

>>> found = compile("SELECT Id FROM Contact WHERE Email IN ('a\\\\'b') ORDER BY Id")
>>> found.object, found.fields, found.values, found.order
('Contact', ['Id'], ["a'b"], "json_extract(body, '$.Id')")
"""

import re
from typing import Any, NamedTuple

from rapport_sandbox.clock import iso, parse_iso

SHAPE = re.compile(
    r"SELECT\s+(?P<fields>.+?)\s+FROM\s+(?P<object>\w+)(?:\s+WHERE\s+(?P<where>.+?))?"
    r"(?:\s+ORDER BY\s+(?P<order>[\w., ]+?))?(?:\s+LIMIT\s+(?P<limit>\d+))?\s*",
    re.DOTALL,
)
TOKEN = re.compile(
    r"'(?:[^'\\]|\\.)*'|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)|-?\d+(?:\.\d+)?|[\w.]+"
    r"|>=|<=|!=|[=<>(),]|\S"
)
WORDS = {"and", "or", "in", "not", "(", ")", ",", "=", "!=", "<", ">", "<=", ">="}


class Query(NamedTuple):
    object: str
    fields: list[str]
    where: str
    values: list[Any]
    order: str
    limit: int | None
    named: set[str]


def compile(soql: str) -> Query:
    """Raises ValueError for what is no query, and for a literal that SOQL refuses."""
    found = SHAPE.fullmatch(soql.strip())
    if found is None:
        raise ValueError("unexpected token")
    fields = [name.strip() for name in found["fields"].split(",")]
    named = set() if fields == ["COUNT()"] else set(fields)
    where, values = _where(found["where"] or "", named)
    order = ", ".join(_column(name.strip()) for name in (found["order"] or "Id").split(","))
    limit = int(found["limit"]) if found["limit"] else None
    return Query(found["object"], fields, where, values, order, limit, named)


def stamp(moment: int) -> str:
    """A time as Salesforce writes it, to the second."""
    return iso(moment // 1000 * 1000).replace("Z", "+0000")


def _where(text: str, named: set[str]) -> tuple[str, list[Any]]:
    parts, values = [], []
    for token in TOKEN.findall(text):
        if token.lower() in WORDS:
            parts.append(token)
        elif token[0] == "'":
            if len(token) < 2 or token[-1] != "'":
                raise ValueError("a string does not end")
            parts.append("?")
            values.append(re.sub(r"\\(.)", r"\1", token[1:-1]))
        elif re.match(r"\d{4}-\d\d-\d\dT", token):
            parts.append("?")
            values.append(stamp(parse_iso(token)))
        elif token.lower() in ("true", "false", "null"):
            parts.append({"true": "1", "false": "0", "null": "null"}[token.lower()])
        elif re.fullmatch(r"[A-Za-z][\w.]*", token):
            named.add(token)
            parts.append(f"{_column(token)} collate nocase")
        elif re.fullmatch(r"-?\d+(\.\d+)?", token):
            parts.append(token)
        else:
            raise ValueError("unexpected token")
    sql = " ".join(parts).replace("!= null", "is not null").replace("= null", "is null")
    return sql or "true", values


def _column(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z][\w.]*", name):
        raise ValueError("unexpected token")
    return f"json_extract(body, '$.{name}')"
