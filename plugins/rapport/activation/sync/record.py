"""Recording the answers to a batch in every table that they concern, in one transaction.

>>> record(connection, target, taken, [Result("c_1", remote_id="42")])  # doctest: +SKIP
"""

from collections import Counter
from collections.abc import Sequence

import psycopg
from psycopg import sql

from rapport.activation import ledger, sync_runs
from rapport.activation.lists import List
from rapport.activation.planning import not_sent, plan_rows
from rapport.activation.sync import changelog, receipts, refused_rows
from rapport.activation.sync.batches import Taken
from rapport.vendors.destination import Result

# Every table is looked up by the people of the batch. Postgres's planner does not know how few they
# are: the temporary table of answers has no statistics.
LOOK_UP = "set local enable_hashjoin = off; set local enable_mergejoin = off"


def record(
    connection: psycopg.Connection, target: List, taken: Taken, results: Sequence[Result]
) -> None:
    """Write what the destination answered, in one transaction."""
    with connection.transaction():
        connection.execute(LOOK_UP)
        answers = _make_table(connection, target, taken, results)
        changelog.add(connection, target, answers)
        receipts.add(connection, target, taken.batch.id, answers)
        if any(not result.accepted for result in results):
            refused_rows.note(connection, target, answers)
            not_sent.note_rejected(connection, target, answers)
        refused_rows.clear(connection, answers)
        ledger.settle(connection, target, answers)
        plan_rows.finish(connection, answers)
        sync_runs.add_answers(connection, target, _counts(taken, results))


def _make_table(
    connection: psycopg.Connection, target: List, taken: Taken, results: Sequence[Result]
) -> sql.Identifier:
    """Make the temporary table of answers and return its name; it lasts for the transaction.

    One row per person of the batch:

    - `destination`, `segment`: those of the list
    - `customer_id`
    - `op`: add, update or remove
    - `remote_id`: the id at the destination, where it answered one
    - `error`: why the destination refused the row, null where it accepted it
    """
    connection.execute(
        "create temp table if not exists answers (destination text not null, segment text not null,"
        ' customer_id text collate "C" primary key,'
        " op text, remote_id text, error text) on commit delete rows"
    )
    with connection.cursor().copy("copy answers from stdin") as copy:
        for result in results:
            op = taken.ops[result.customer_id]
            answer = (result.customer_id, op, result.remote_id, result.error)
            copy.write_row((target.destination, target.segment.key, *answer))
    return sql.Identifier("answers")


def _counts(taken: Taken, results: Sequence[Result]) -> dict[str, int]:
    """By how much each column of `activation.sync_runs` grows."""
    count: Counter[str] = Counter()
    for result in results:
        op = {"add": "add", "update": "change", "remove": "remove"}[taken.ops[result.customer_id]]
        count[f"num_{'succeeded' if result.accepted else 'failed'}_{op}"] += 1
    # A ledger that got smaller on purpose must not count as lost.
    count["held"] = -count["num_succeeded_remove"]
    return count
