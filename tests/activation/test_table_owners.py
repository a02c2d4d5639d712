"""Each table of activation is written by one module of the package."""

import re
from pathlib import Path

import pytest

from rapport import activation

PACKAGE = Path(activation.__file__).parent
MIGRATIONS = PACKAGE.parent / "warehouse" / "migrations"

# `follow_merges` writes the table whose name it is given.
WRITES = re.compile(
    r"(?:insert\s+into|update|delete\s+from|merge\s+into|truncate(?:\s+table)?)\s+(?:only\s+)?"
    r"\"?(activation|segments)\"?\.\"?(\w+)"
    r"|follow_merges\(\s*connection,\s*sql\.Identifier\(\"(activation|segments)\", \"(\w+)\"\)",
    re.IGNORECASE,
)
TABLE = re.compile(r"create table (activation|segments)\.(\w+)", re.IGNORECASE)

OWNERS = {
    "activation.approvals": "planning/approval.py",
    "activation.consents_seen": "planning/lost_consents.py",
    "activation.ledger": "ledger.py",
    "activation.list_checks": "sync/read_back.py",
    "activation.list_states": "answers/list_states.py",
    "activation.list_traits": "planning/sent_traits.py",
    "activation.not_sent": "planning/not_sent.py",
    "activation.plan": "planning/plan_rows.py",
    "activation.pulls": "sync/pull.py",
    "activation.receipts": "sync/receipts.py",
    "activation.rejected": "sync/refused_rows.py",
    "activation.suppressions": "sync/suppressions.py",
    "activation.sync_changelog": "sync/changelog.py",
    "activation.sync_runs": "sync_runs.py",
    "segments.columns": "segments/columns.py",
    "segments.definitions": "segments/definitions.py",
    "segments.goals": "segments/goals.py",
    "segments.keys": "segments/definitions.py",
    "segments.membership": "segments/membership.py",
    "segments.sizes": "segments/sizes.py",
}


def written_in(text: str) -> set[str]:
    """The tables that the statements of a module write."""
    found = set()
    # Strings that stand side by side are one statement.
    for match in WRITES.finditer(re.sub(r"\"\s*\n\s*f?\"", "", text)):
        schema, table = match[1] or match[3], match[2] or match[4]
        found.add(f"{schema}.{table}".lower())
    return found


def test_every_table_is_written_by_its_owner_and_nobody_else() -> None:
    writers: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for table in written_in(path.read_text(encoding="utf-8")):
            writers.setdefault(table, []).append(path.relative_to(PACKAGE).as_posix())
    assert writers == {table: [owner] for table, owner in OWNERS.items()}


def test_every_table_of_the_migrations_has_an_owner() -> None:
    tables = {
        f"{schema}.{table}"
        for path in MIGRATIONS.glob("*.sql")
        for schema, table in TABLE.findall(path.read_text(encoding="utf-8"))
    }
    assert tables == set(OWNERS)


@pytest.mark.parametrize(
    "statement",
    [
        "insert into activation.ledger (destination) values ('a')",
        "update activation.ledger as old set state = 'sent'",
        "delete from\n    activation.ledger using answers",
        "merge into activation.ledger as target",
        "truncate activation.ledger",
        '"delete from"\n    " activation.ledger"',
        'follow_merges(\n    connection, sql.Identifier("activation", "ledger"), key=key\n)',
    ],
)
def test_a_statement_that_writes_is_found(statement: str) -> None:
    assert written_in(statement) == {"activation.ledger"}


def test_a_statement_that_reads_is_not_found() -> None:
    assert written_in("select * from activation.ledger for update") == set()
