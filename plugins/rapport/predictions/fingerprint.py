"""A hash of everything the predictions depend on, so that an unchanged run can skip them.

>>> is_current(connection, compute(connection, as_of))  # doctest: +SKIP
True
"""

import hashlib
from datetime import datetime
from importlib import resources

from rapport.paths import project_root
from rapport.predictions.store import Connection

# Every prediction depends on `as_of`, so the hash of another `as_of` is another hash.
INPUTS = (
    "build.dim_customers", "build.fct_orders", "build.fct_subscriptions", "build.fct_touchpoints",
    "build.fct_web_sessions", "build.fct_survey_responses",
)  # fmt: skip
MARTS = (
    "mart_predicted_clv", "mart_predicted_churn", "mart_next_products", "mart_personas",
    "mart_contact_preferences", "mart_years_in_review", "mart_prediction_quality",
)  # fmt: skip


def compute(connection: Connection, as_of: datetime) -> str:
    """The SHA-256 (hex) of `as_of`, the rows that the models read, and the models' code."""
    digest = hashlib.sha256(as_of.isoformat().encode())
    for table in INPUTS:
        row = connection.execute(
            f"select count(*), sum(hashtextextended(read::text, 0)) from {table} as read"  # noqa: S608
        ).fetchone()
        digest.update(repr(row).encode())
    folder = project_root() / "dbt_project"
    for path in sorted((folder / "models" / "predictions").iterdir()):
        digest.update(path.read_bytes())
    digest.update((folder / "dbt_project.yml").read_bytes())
    for file in sorted(resources.files(__package__).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".py"):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def is_current(connection: Connection, fingerprint: str) -> bool:
    """Whether the stored predictions have this fingerprint and all their marts exist."""
    row = connection.execute(
        """
        select
            exists (select from predictions.state where fingerprint = %s)
            and (
                select bool_and(to_regclass('build.' || name) is not null)
                from unnest(%s::text[]) as name
            )
        """,
        (fingerprint, list(MARTS)),
    ).fetchone()
    return bool(row and row[0])


def store(connection: Connection, as_of: datetime, fingerprint: str) -> None:
    """Store the fingerprint of the predictions. Call it only after the marts are built."""
    connection.execute(
        """
        insert into predictions.state (as_of, fingerprint) values (%s, %s)
        on conflict (is_only) do update
        set as_of = excluded.as_of, fingerprint = excluded.fingerprint
        """,
        (as_of, fingerprint),
    )
