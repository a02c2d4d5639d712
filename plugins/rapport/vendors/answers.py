"""Helpers of destinations: parallel calls, and error reasons without personal data.

>>> code("INVALID_EMAIL"), code("anna@example.com is taken")
('INVALID_EMAIL', 'refused')
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from rapport.vendors.destination import Batch, Person, Result
from rapport.vendors.http import Answer

Found = TypeVar("Found")
REFUSED = (400, 404, 409, 413, 422)
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")


def each(
    work: Callable[[Person], Found], people: Sequence[Person], threads: int
) -> Sequence[Found]:
    """The results of `work` for each person, in the order of `people`, computed by many threads."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, people))


def body_of(answer: Answer) -> dict[str, Any]:
    """The JSON object of an answer; empty if the body is not one."""
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def results(
    batch: Batch, errors: Mapping[str, str], ids: Mapping[str, str | None] | None = None
) -> Sequence[Result]:
    """A result for each person in the batch, from the vendor's ids and the errors by customer."""
    return [
        Result(p.customer_id, (ids or {}).get(p.customer_id), errors.get(p.customer_id))
        for p in batch.people
    ]


def code(value: Any, default: str = "refused") -> str:
    """A vendor's error code; any other text becomes `default`, as it may quote personal data."""
    text = str(value or "")
    return text if _CODE.fullmatch(text) else default


def address_key(email: str) -> str:
    """The form of an e-mail address that is used for comparison.

    >>> address_key(" Anna@Example.com") == address_key("anna@example.com")
    True
    """
    return email.strip().lower()


def md5(text: str) -> str:
    """The hex digest that some vendors use as the id of an address; it protects nothing.

    >>> md5("a")
    '0cc175b9c0f1b6a831c399e269772661'
    """
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def first_of_each_address(people: Sequence[Person]) -> tuple[dict[str, Person], dict[str, str]]:
    """People by address, and the errors of those without an address or with a shared one."""
    kept: dict[str, Person] = {}
    errors: dict[str, str] = {}
    for person in people:
        key = address_key(person.email or "")
        if not key:
            errors[person.customer_id] = "no address"
        elif key in kept:
            errors[person.customer_id] = "the address belongs to another person of this batch"
        else:
            kept[key] = person
    return kept, errors
