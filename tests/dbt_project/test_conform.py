"""A staging model says which canonical columns its vendor has nothing for, and hides no others."""

from typing import Any

import psycopg
import pytest

from rapport.settings import load_settings
from rapport.transform import dbt

from .landed import NIGHT

CTE = "with final as (select 'low'::text as priority, 3 as escalations) "


def compiled(absent: str) -> str | None:
    """The SQL of a model with that column absent; None where dbt refuses it."""
    call = f"{{{{ conform('conversations', 'final', absent=['{absent}']) }}}}"
    outcome = dbt.invoke(["compile", "--inline", CTE + call], load_settings(), NIGHT)
    return outcome.result.results[0].node.compiled_code if outcome.success else None


def made(warehouse: psycopg.Connection[Any], absent: str) -> dict[str, Any]:
    """The one row of a view of that SQL."""
    warehouse.execute(f"create view made as {compiled(absent)}")  # type: ignore[arg-type]
    cursor = warehouse.execute("select * from made")
    (row,) = cursor.fetchall()
    return dict(zip([column.name for column in cursor.description or ()], row, strict=True))


def test_what_is_absent_is_null_and_everything_else_stays(
    warehouse: psycopg.Connection[Any],
) -> None:
    assert made(warehouse, "rating") == {"priority": "low", "escalations": 3, "rating": None}


def test_what_a_vendor_says_cannot_be_called_absent(warehouse: psycopg.Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.DuplicateColumn, match="priority"):
        made(warehouse, "priority")


def test_only_a_canonical_column_can_be_absent(warehouse: psycopg.Connection[Any]) -> None:
    assert compiled("rank") is None
