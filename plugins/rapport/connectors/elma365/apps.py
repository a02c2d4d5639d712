"""The names of an ELMA365 installation: its apps, their fields, and readers of field values.

>>> App(namespace="crm", code="clients").path
'/pub/v1/app/crm/clients'
"""

from typing import Any

from pydantic import Field

from rapport.vendors.datasets import Block


class App(Block):
    """The location of an app."""

    namespace: str = Field(min_length=1)
    code: str = Field(min_length=1)

    @property
    def path(self) -> str:
        """The path of its calls."""
        return f"/pub/v1/app/{self.namespace}/{self.code}"


class ContactFields(Block):
    """The codes of the fields of a contact."""

    email: str = "_email"
    phone: str = "_phone"
    name: str = "__name"
    user_id: str = ""
    birth_date: str = ""
    street: str = ""
    postal_code: str = ""
    region: str = ""


class RequestFields(Block):
    """The codes of the fields of a request."""

    contact: str = "contact"
    email: str = "email"
    subject: str = "__name"
    channel: str = ""
    rating: str = ""


class ContactApp(App):
    """The app of contacts."""

    fields: ContactFields = ContactFields()


class RequestApp(App):
    """The app of requests; `closed` and `pending` are numbers of its statuses."""

    fields: RequestFields = RequestFields()
    closed: tuple[int, ...] = ()
    pending: tuple[int, ...] = ()


class Options(Block):
    """The block `sources.elma365` of rapport.yml."""

    contacts: ContactApp | None = None
    requests: RequestApp | None = None
    custom_fields: dict[str, Any] = Field(default_factory=dict)


def texts_of(value: Any, name: str) -> list[str]:
    """The texts of a field that holds a list of texts or objects, or a single one.

    >>> texts_of([{"type": "work", "email": "a@example.com"}, "b@example.com", None], "email")
    ['a@example.com', 'b@example.com']
    """
    many = value if isinstance(value, list) else [value]
    texts = [one.get(name) if isinstance(one, dict) else one for one in many]
    return [text for text in texts if isinstance(text, str) and text]


def name_of(value: Any) -> str | None:
    """A name as text. A full name is an object with its parts."""
    if isinstance(value, dict):
        value = " ".join(
            str(value[p]) for p in ("firstname", "middlename", "lastname") if value.get(p)
        )
    return value if isinstance(value, str) and value else None
