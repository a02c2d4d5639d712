"""Readers of the pages and their rights: Airflow's own login and Airflow's own permissions.

| what | who |
|---|---|
| numbers | may see the DAG `activate_segments`: Viewer and up |
| customers by id, members, approval | may start the DAG `activate_segments`: User and up |
| contact details, search by them, downloads, review of pairs | may read connections: Op and Admin |

Who can read Airflow's connections could fetch the same addresses from the vendors, so the last row
gives nothing away. With other auth managers than Airflow's simple one the same questions are asked.

>>> Reader("ann", sees_people=True).role
'marketing_reader'
"""

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException, Request
from itsdangerous import BadSignature, TimestampSigner

DAG = "activate_segments"
HOUR = 3600


@dataclass(frozen=True, slots=True)
class Reader:
    """A login and its rights; each right is a permission of Airflow."""

    name: str
    sees_numbers: bool = True
    sees_people: bool = False
    sees_contacts: bool = False

    @property
    def may_approve(self) -> bool:
        """Whoever may start the DAG of activation may approve a list."""
        return self.sees_people

    @property
    def may_download(self) -> bool:
        """Whether the reader may download a list with addresses."""
        return self.sees_contacts

    @property
    def may_review(self) -> bool:
        """Whether the reader may say which records are one person.

        The answer needs the details of both, and decides who gets what is sent to the other.
        """
        return self.sees_contacts and self.may_approve

    @property
    def role(self) -> str:
        """The role of the warehouse that this reader's queries run in."""
        if self.sees_contacts:
            return "support_reader"
        return "marketing_reader" if self.sees_people else "bi_reader"


def reader_of(user: Any) -> Reader:
    """The reader with the rights that Airflow's auth manager gives this user."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import (
        DagAccessEntity,
        DagDetails,
    )

    manager, dag = get_auth_manager(), DagDetails(id=DAG)
    sees_people = manager.is_authorized_dag(
        method="POST", access_entity=DagAccessEntity.RUN, details=dag, user=user
    )
    return Reader(
        name=str(user.get_name()),
        sees_numbers=manager.is_authorized_dag(method="GET", details=dag, user=user),
        sees_people=sees_people,
        sees_contacts=sees_people and manager.is_authorized_connection(method="GET", user=user),
    )


async def of_airflow(request: Request) -> Reader:
    """The reader behind a request: its bearer token, else the cookie of Airflow's UI.

    Raises 401 without either, as Airflow's own API does.
    """
    from airflow.api_fastapi.core_api.security import bearer_scheme, get_user

    credentials = await bearer_scheme(request)
    return reader_of(await get_user(request, None, credentials))


def secret_of_airflow() -> bytes:
    """The key that all api-servers of an installation share."""
    from airflow.configuration import conf

    return str(conf.get_mandatory_value("api", "secret_key")).encode()


def must(allowed: bool, what: str) -> None:
    """Raise 403 unless the reader has the right; `what` says which one is missing."""
    if not allowed:
        raise HTTPException(403, what)


def subject_of(what: str, seen: Any) -> str:
    """What a form is about: an action, and what the reader saw of it.

    >>> subject_of("approve x", {"adds": 2}) == subject_of("approve x", {"adds": 3})
    False
    """
    text = json.dumps(seen, default=str, sort_keys=True)
    return f"{what} {hashlib.sha256(text.encode()).hexdigest()}"


def seal(secret: bytes, reader: Reader, subject: str, now: float | None = None) -> str:
    """A token for one form of one reader, good for an hour: no other site can make one.

    >>> ann = Reader("ann")
    >>> is_sealed(b"k", ann, "approve x", seal(b"k", ann, "approve x"))
    True
    >>> is_sealed(b"k", Reader("bob"), "approve x", seal(b"k", ann, "approve x"))
    False
    """
    return _Signer(secret, reader, subject, now).sign(b"form").decode()


def is_sealed(
    secret: bytes, reader: Reader, subject: str, token: str, now: float | None = None
) -> bool:
    """Whether the token was made for this reader and subject within the hour."""
    try:
        return _Signer(secret, reader, subject, now).unsign(token, max_age=HOUR) == b"form"
    except BadSignature:
        return False


class _Signer(TimestampSigner):
    """Each reader and subject has a key of its own, derived from the installation's."""

    def __init__(self, secret: bytes, reader: Reader, subject: str, now: float | None) -> None:
        salt = "\x00".join(("rapport", reader.name, subject))
        super().__init__(
            secret, salt=salt.encode(), key_derivation="hmac", digest_method=hashlib.sha256
        )
        self.now = now

    def get_timestamp(self) -> int:
        """Now, in seconds since 1970."""
        return int(self.now if self.now is not None else time.time())
