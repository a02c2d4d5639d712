"""The block "Next" of the card: the customer's predictions, from the published prediction marts.

>>> next_of(connection, "c_1").facts[0].name  # doctest: +SKIP
'expected_orders_90d'
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from rapport.card.models import Next, Prediction
from rapport.card.rows import Connection

NONE_YET = "There are no predictions yet. They appear after the first run with enough data."
ABSTAINS = "There is too little data about this customer for a prediction."
EXPLANATION = "These models beat a simple baseline on data they had not seen."

Row = Mapping[str, Any]
Facts = Iterable[tuple[str, str, str | None]]


def next_of(connection: Connection, customer_id: str) -> Next:
    """The predictions of a customer. `message` says if there are none, or why."""
    facts: list[Prediction] = []
    fitted = []
    is_published = False
    for mart, read in MARTS.items():
        for row in _rows(connection, mart, customer_id):
            is_published = True
            if row.get("fitted_at") is not None:
                fitted.append(row["fitted_at"])
            if row.get("is_abstained"):
                continue
            is_stale = bool(row.get("is_stale"))
            facts += [
                Prediction(name=name, value=value, detail=detail, is_stale=is_stale)
                for name, value, detail in read(row)
            ]
    message = EXPLANATION if facts else ABSTAINS if is_published else NONE_YET
    return Next(
        sources=["predictions"] if is_published else [],
        fresh_as_of=min(fitted, default=None),
        is_stale=any(fact.is_stale for fact in facts),
        is_available=bool(facts),
        message=message,
        facts=facts,
    )


def _rows(connection: Connection, mart: str, customer_id: str) -> list[dict[str, Any]]:
    row = connection.execute("select to_regclass(%s) is not null", [f"marts.{mart}"]).fetchone()
    if not row or not row[0]:
        return []
    statement = sql.SQL("select * from {} where customer_id = %s limit 5").format(
        sql.Identifier("marts", mart)
    )
    try:
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, [customer_id]).fetchall()
    except psycopg.errors.UndefinedColumn:
        return []


def _value(row: Row) -> Facts:
    if row.get("expected_orders_90d") is not None:
        yield "expected_orders_90d", _number(row["expected_orders_90d"]), None
    if row.get("predicted_clv_365d") is not None:
        amount = f"{_number(row['predicted_clv_365d'])} {row.get('currency') or ''}".strip()
        yield "predicted_clv_365d", amount, None


def _churn(row: Row) -> Facts:
    if row.get("risk_band"):
        share = row.get("churn_probability")
        yield "churn_risk", str(row["risk_band"]), None if share is None else _percent(share)


def _product(row: Row) -> Facts:
    name = row.get("product_name") or row.get("product_id")
    if name:
        yield "next_product", str(name), row.get("reason")


def _persona(row: Row) -> Facts:
    if row.get("persona"):
        yield "persona", str(row["persona"]), None


def _preference(row: Row) -> Facts:
    if row.get("preferred_channel"):
        hour = row.get("preferred_hour")
        detail = None if hour is None else f"{int(hour):02d}:00"
        yield "preferred_channel", str(row["preferred_channel"]), detail


def _number(value: Any) -> str:
    return f"{Decimal(str(value)):.2f}"


def _percent(value: Any) -> str:
    return f"{100 * float(value):.0f} %"


MARTS: dict[str, Callable[[Row], Facts]] = {
    "mart_predicted_churn": _churn,
    "mart_predicted_clv": _value,
    "mart_next_products": _product,
    "mart_personas": _persona,
    "mart_contact_preferences": _preference,
}
