"""Recording what a tool answered to a batch: ledger, receipts, changelog, refusals, at once."""

from collections import Counter
from collections.abc import Sequence

import psycopg
from psycopg import sql

from rapport.activation.code_version import code_version
from rapport.activation.lists import List
from rapport.activation.sync.batches import Taken
from rapport.vendors.destination import Result


def record(
    connection: psycopg.Connection, target: List, taken: Taken, results: Sequence[Result]
) -> None:
    """Write what the tool answered, in one transaction."""
    with connection.transaction():
        _answers(connection, taken, results)
        _changelog(connection, target, taken)
        _rejections(connection, target, any(not result.accepted for result in results))
        _settle(connection, target)
        _tally(connection, target, taken, results)


def _answers(connection: psycopg.Connection, taken: Taken, results: Sequence[Result]) -> None:
    connection.execute(
        'create temp table if not exists answers (customer_id text collate "C" primary key,'
        " op text, remote_id text, error text) on commit delete rows"
    )
    with connection.cursor().copy("copy answers from stdin") as copy:
        for result in results:
            op = taken.ops[result.customer_id]
            copy.write_row((result.customer_id, op, result.remote_id, result.error))


def _changelog(connection: psycopg.Connection, target: List, taken: Taken) -> None:
    sync_id = f"{target.destination}/{target.segment.key}"
    connection.execute(
        """
        insert into activation.sync_changelog
            (sync_id, sync_run_id, op_type, row_id, status, failure_reason, fields, split_group, at)
        select %(sync_id)s, %(run)s,
            case answers.op when 'add' then 'added' when 'update' then 'changed'
                else 'removed' end,
            answers.customer_id,
            case when error is null then 'succeeded' else 'failed' end, error,
            plan.traits, stay.variant, %(as_of)s
        from answers
        inner join activation.plan on plan.customer_id = answers.customer_id
            and plan.destination = %(destination)s and plan.segment = %(segment)s
        left join segments.membership as stay on stay.customer_id = answers.customer_id
            and stay.segment = %(segment)s and stay.left_at is null
        """,
        {"sync_id": sync_id, "run": f"{target.run_id}/{sync_id}", **target.names},
    )
    connection.execute(
        """
        insert into activation.receipts
        select %(run_id)s, %(destination)s, %(segment)s, answers.customer_id, answers.op,
            %(channel)s, %(purpose)s, word.event_id, word.policy_version, %(code)s, %(batch)s,
            %(as_of)s
        from answers
        left join marts.dim_consents as word
            on word.customer_id = answers.customer_id and word.channel = %(channel)s
            and word.purpose = %(purpose)s and word.is_granted
        where answers.error is null and answers.op <> 'remove'
        """,
        {
            "channel": target.segment.channel,
            "purpose": target.segment.purpose,
            "code": code_version(),
            "batch": taken.batch.id,
            **target.names,
        },
    )


def _rejections(connection: psycopg.Connection, target: List, are_there: bool) -> None:
    names = target.names
    if are_there:
        connection.execute(
            """
            insert into activation.rejected
            select %(destination)s, %(segment)s, customer_id, op, error, %(as_of)s, %(as_of)s, 1
            from answers where error is not null
            on conflict (destination, segment, customer_id) do update set
                op = excluded.op, reason = excluded.reason, last_at = excluded.last_at,
                tries = activation.rejected.tries + 1
            """,
            names,
        )
        connection.execute(
            """
            insert into activation.not_sent
            select %(destination)s, %(segment)s, customer_id, 'rejected', %(as_of)s, %(run_id)s
            from answers where error is not null and op = 'add'
            on conflict (destination, segment, customer_id) do nothing
            """,
            names,
        )
    connection.execute(
        "delete from activation.rejected using answers where answers.error is null"
        " and rejected.destination = %(destination)s and rejected.segment = %(segment)s"
        " and rejected.customer_id = answers.customer_id",
        names,
    )


def _settle(connection: psycopg.Connection, target: List) -> None:
    """Bring the ledger to what the tool holds now, and take the rows out of the plan.

    Somebody refused whom an earlier, unanswered call may have put on the list stays in the ledger
    as `sending`: they are tried again, and taken off when they leave.
    """
    names = target.names
    connection.execute(
        """
        update activation.ledger set state = 'sent', content_hash = plan.content_hash,
            is_uncertain = false,
            remote_id = coalesce(answers.remote_id, ledger.remote_id),
            first_sent_at = coalesce(ledger.first_sent_at, %(as_of)s), last_sent_at = %(as_of)s
        from answers join activation.plan using (customer_id)
        where answers.error is null and answers.op <> 'remove'
            and plan.destination = %(destination)s and plan.segment = %(segment)s
            and ledger.destination = %(destination)s and ledger.segment = %(segment)s
            and ledger.customer_id = answers.customer_id
        """,
        names,
    )
    connection.execute(
        """
        delete from activation.ledger using answers
        where ledger.destination = %(destination)s and ledger.segment = %(segment)s
            and ledger.customer_id = answers.customer_id
            and ((answers.op = 'remove' and answers.error is null)
                or (answers.op = 'add' and answers.error is not null
                    and not ledger.is_uncertain))
        """,
        names,
    )
    connection.execute(
        """
        update activation.ledger set state = 'sent' from answers
        where ledger.destination = %(destination)s and ledger.segment = %(segment)s
            and ledger.customer_id = answers.customer_id
            and answers.op = 'update' and answers.error is not null
        """,
        names,
    )
    connection.execute(
        "delete from activation.plan using answers where plan.destination = %(destination)s"
        " and plan.segment = %(segment)s and plan.customer_id = answers.customer_id",
        names,
    )


def _tally(
    connection: psycopg.Connection, target: List, taken: Taken, results: Sequence[Result]
) -> None:
    count: Counter[str] = Counter()
    for result in results:
        op = {"add": "add", "update": "change", "remove": "remove"}[taken.ops[result.customer_id]]
        count[f"num_{'succeeded' if result.accepted else 'failed'}_{op}"] += 1
    # So that a ledger that got smaller on purpose is not taken for one that was lost.
    count["held"] = -count["num_succeeded_remove"]
    connection.execute(
        sql.SQL(
            "update activation.sync_runs set {} where run_id = %(run_id)s"
            " and destination = %(destination)s and segment = %(segment)s"
        ).format(
            sql.SQL(", ").join(
                sql.SQL("{0} = {0} + {1}").format(sql.Identifier(name), number)
                for name, number in count.items()
            )
        ),
        target.names,
    )
