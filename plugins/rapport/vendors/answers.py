"""What destinations have in common: calls side by side, and reasons that quote nobody.

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
    """The work for everybody, so many at once, in their order."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, people))


def body_of(answer: Answer) -> dict[str, Any]:
    """The JSON object of an answer; empty where it is none."""
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def results(
    batch: Batch, errors: Mapping[str, str], ids: Mapping[str, str | None] | None = None
) -> Sequence[Result]:
    """A result for everybody in the batch: the tool's id and the error, by customer."""
    return [
        Result(p.customer_id, (ids or {}).get(p.customer_id), errors.get(p.customer_id))
        for p in batch.people
    ]


def code(value: Any, default: str = "refused") -> str:
    """A vendor's error code; a text that may quote a person is left out."""
    text = str(value or "")
    return text if _CODE.fullmatch(text) else default


def address_key(email: str) -> str:
    """What an address is compared by.

    >>> address_key(" Anna@Example.com") == address_key("anna@example.com")
    True
    """
    return email.strip().lower()


def md5(text: str) -> str:
    """The hex digest by which some tools name an address; it protects nothing.

    >>> md5("a")
    '0cc175b9c0f1b6a831c399e269772661'
    """
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def first_of_each_address(people: Sequence[Person]) -> tuple[dict[str, Person], dict[str, str]]:
    """People by address, and the error of those who have none or share one in this batch."""
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
