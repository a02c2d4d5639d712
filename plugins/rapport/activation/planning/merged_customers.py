"""What the ledger does when people turn out to be one: their rows go on under the surviving id."""

import psycopg


def follow_merges(connection: psycopg.Connection) -> None:
    """Give the ledger's rows the ids that their customers have now.

    Where the survivor is on the list already under the same contact of the tool, the old row goes
    without a call; under another contact it stays, and the plan takes it off.
    """
    with connection.transaction():
        connection.execute(
            """
            update activation.ledger as old set customer_id = renamed.customer_id
            from (
                select distinct on (ledger.destination, ledger.segment, alias.customer_id)
                    ledger.destination, ledger.segment, ledger.customer_id as old_id,
                    alias.customer_id
                from activation.ledger
                join identity.aliases as alias on alias.alias_id = ledger.customer_id
                where alias.customer_id <> ledger.customer_id
                    and not exists (
                        select from activation.ledger as survivor
                        where survivor.destination = ledger.destination
                            and survivor.segment = ledger.segment
                            and survivor.customer_id = alias.customer_id
                    )
                order by ledger.destination, ledger.segment, alias.customer_id, ledger.customer_id
            ) as renamed
            where old.destination = renamed.destination and old.segment = renamed.segment
                and old.customer_id = renamed.old_id
            """
        )
        connection.execute(
            """
            with gone as (
                delete from activation.ledger as old
                using identity.aliases as alias, activation.ledger as survivor
                where alias.alias_id = old.customer_id and alias.customer_id <> old.customer_id
                    and survivor.destination = old.destination and survivor.segment = old.segment
                    and survivor.customer_id = alias.customer_id
                    and survivor.remote_id = old.remote_id
                returning old.destination, old.segment
            )
            update activation.sync_runs as run set held = run.held - gone.people
            from (select destination, segment, count(*) as people from gone group by 1, 2) as gone
            where run.destination = gone.destination and run.segment = gone.segment
                and run.as_of = (select max(as_of) from activation.sync_runs as last_run
                    where last_run.destination = run.destination
                        and last_run.segment = run.segment and last_run.status <> 'refused')
            """
        )
