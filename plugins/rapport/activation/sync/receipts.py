"""Receipts: what was sent to whom, under which consent and by which code version.

This module alone writes the table `activation.receipts`.

>>> add(connection, target, "5f1c...", answers)  # doctest: +SKIP
"""

import psycopg
from psycopg import sql

from rapport.activation.code_version import code_version
from rapport.activation.lists import List

_ADD = """
insert into activation.receipts
select %(run_id)s, %(destination)s, %(segment)s, answers.customer_id, answers.op,
    %(channel)s, %(purpose)s, consent.event_id, consent.policy_version, %(code)s, %(batch)s,
    %(as_of)s
from {answers} as answers
left join marts.dim_consents as consent
    on consent.customer_id = answers.customer_id and consent.channel = %(channel)s
    and consent.purpose = %(purpose)s and consent.is_granted
where answers.error is null and answers.op <> 'remove'
"""


def add(
    connection: psycopg.Connection, target: List, batch_id: str, answers: sql.Identifier
) -> None:
    """Add a receipt per accepted add and update; `answers` is the table of `record`."""
    connection.execute(
        sql.SQL(_ADD).format(answers=answers),
        {
            "channel": target.segment.channel,
            "purpose": target.segment.purpose,
            "code": code_version(),
            "batch": batch_id,
            **target.names,
        },
    )
