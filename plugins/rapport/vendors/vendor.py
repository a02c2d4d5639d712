"""The facts of a vendor: its name, its login, and where its records name a person.

>>> postbox = Vendor(
...     name="postbox",
...     title="Postbox",
...     kind="messaging",
...     documentation="https://postbox.example/api",
...     connection_fields={"password": "an API key"},
...     people={"events": {"recipient": "email"}},
... )
>>> class Postbox(Connector):
...     vendor = postbox
>>> Postbox.name, Postbox.needs_connection
('postbox', True)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

# What a vendor is to a company. Golden fields are asked for in an order of these.
Kind = Literal[
    "crm", "records", "commerce", "support", "survey", "analytics", "messaging", "notification"
]


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """The facts that `connectors/<vendor>/__init__.py` states once; everything else reads them.

    `name` is the vendor's name in rapport.yml, tables and connections, `title` how people write it.
    `kind` is what a company has it for. `id_rank` decides whose record gives a customer its id
    where several landed first in the same run: the lowest. Customers' ids hang on it, so a rank
    never changes. `is_keyed_by_contacts` says that an id of a profile may be an address or a phone
    number, since the company or the vendor chose what people are keyed by.

    `connection_fields` says which fields of the Airflow connection are used and what they hold;
    a vendor without any needs no connection. `example` is the connection in .env.example.

    `people` says for each stream of the source at which paths of a record an id of a person stands,
    and whose: `{"tickets": {"requester_id": "postbox:users"}}`. The id is an `email`, a `user_id`,
    our own `customer`, or that of another stream's record (`source:stream`) or profile. Two kinds
    are separated by ", "; `unless <path>` names a path that has precedence. A step that ends in
    `[]` goes through a list. Several ids in one text are separated by ";". A stream that names
    nobody is `{}`. `key_prefixes` says what a stream's keys have before the id of the profile.
    """

    name: str
    title: str
    kind: Kind
    documentation: str
    id_rank: int = 5
    is_keyed_by_contacts: bool = False
    connection_fields: Mapping[str, str] = field(default_factory=dict)
    example: Mapping[str, Any] = field(default_factory=dict)
    people: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    key_prefixes: Mapping[str, str] = field(default_factory=dict)


class Connector:
    """What sources and destinations share: their identity, which they take from `vendor`.

    A class states a fact itself where it differs from the vendor's, such as the page of the
    documentation for this direction.
    """

    vendor: ClassVar[Vendor]
    name: str
    documentation: ClassVar[str]
    connection_fields: ClassVar[Mapping[str, str]] = {}
    needs_connection: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        """Take over the facts of the vendor that the class does not state itself."""
        super().__init_subclass__()
        vendor: Vendor | None = cls.__dict__.get("vendor")
        if vendor is None:
            return
        facts = {
            "name": vendor.name,
            "documentation": vendor.documentation,
            "connection_fields": vendor.connection_fields,
            "needs_connection": bool(vendor.connection_fields),
        }
        for fact, value in facts.items():
            if fact not in cls.__dict__:
                setattr(cls, fact, value)
