"""What the predictions are made of: the same night with the same data needs no work."""

import hashlib
from datetime import datetime
from importlib import resources

from rapport.paths import project_root
from rapport.predictions.store import Connection

# The night's own age enters every prediction, so another `as_of` is another night.
READ = (
    "build.dim_customers", "build.fct_orders", "build.fct_subscriptions", "build.fct_touchpoints",
    "build.fct_web_sessions", "build.fct_survey_responses",
)  # fmt: skip
BUILT = (
    "mart_predicted_clv", "mart_predicted_churn", "mart_next_products", "mart_personas",
    "mart_contact_preferences", "mart_years_in_review", "mart_prediction_quality",
)  # fmt: skip


def of_tonight(connection: Connection, as_of: datetime) -> str:
    """A hash of the time, of the rows that are read, and of the code that reads them."""
    digest = hashlib.sha256(as_of.isoformat().encode())
    for table in READ:
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


def is_known(connection: Connection, fingerprint: str) -> bool:
    """Whether the predictions that stand were made of just this, and the marts are there."""
    row = connection.execute(
        """
        select
            exists (select from predictions.state where fingerprint = %s)
            and (
                select bool_and(to_regclass('build.' || name) is not null)
                from unnest(%s::text[]) as name
            )
        """,
        (fingerprint, list(BUILT)),
    ).fetchone()
    return bool(row and row[0])


def remember(connection: Connection, as_of: datetime, fingerprint: str) -> None:
    """Keep what the predictions were made of; after the marts are built."""
    connection.execute(
        """
        insert into predictions.state (as_of, fingerprint) values (%s, %s)
        on conflict (is_only) do update
        set as_of = excluded.as_of, fingerprint = excluded.fingerprint
        """,
        (as_of, fingerprint),
    )
