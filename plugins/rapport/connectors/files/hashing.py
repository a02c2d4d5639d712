"""How each ad platform wants a person written before hashing: no two agree.

SHA-256 of the normal form in lower-case hex, without salt, and nothing where nothing is known.

>>> list(columns("tiktok", {}))
['EMAIL_SHA256', 'PHONE_SHA256']
>>> google_email("Anna.Berg+news@gmail.com"), tiktok_email("Anna.Berg+news@Gmail.com")
('annaberg+news@gmail.com', 'anna.berg@gmail.com')
>>> meta_phone("+49 (0)30 123")
'4930123'
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from rapport.vendors.destination import Person

Cell = Callable[[Person], str]
FORMS = ("google", "meta", "tiktok")


def columns(form: str, attributes: Mapping[str, str]) -> dict[str, Cell]:
    """Header and content of each column; places only where the segment's traits have them.

    Google matches a name only together with `country` and `zip`
    (https://support.google.com/google-ads/answer/7659867); Meta takes what there is
    (https://developers.facebook.com/docs/marketing-api/audiences/guides/custom-audiences);
    TikTok takes address and number
    (https://ads.tiktok.com/help/article/customer-file-audience).
    """
    if form == "google":
        cells: dict[str, Cell] = {
            "Email": lambda p: digest(google_email(p.email)),
            "Phone": lambda p: digest(e164(p.phone)),
        }
        if {"country", "zip"} <= attributes.keys():
            cells |= {
                "First Name": lambda p: digest(_name(p)[0].lower()),
                "Last Name": lambda p: digest(_name(p)[1].lower()),
                "Country": lambda p: _trait(p, "country").upper(),
                "Zip": lambda p: _trait(p, "zip"),
            }
        return cells
    if form == "meta":
        places = {"CT": "city", "ST": "state", "ZIP": "zip", "COUNTRY": "country"}
        return {
            "EMAIL": lambda p: digest(_plain(p.email)),
            "PHONE": lambda p: digest(meta_phone(p.phone)),
            "FN": lambda p: digest(letters(_name(p)[0])),
            "LN": lambda p: digest(letters(_name(p)[1])),
            **{header: _place(trait) for header, trait in places.items() if trait in attributes},
            "EXTERN_ID": lambda p: digest(p.customer_id),
        }
    return {
        "EMAIL_SHA256": lambda p: digest(tiktok_email(p.email)),
        "PHONE_SHA256": lambda p: digest(e164(p.phone)),
    }


def marks(person: Person) -> set[str]:
    """What tells that a row is about a person, in any form: digests of address, number and ids."""
    forms = [_plain(person.email), google_email(person.email), tiktok_email(person.email)]
    forms += [e164(person.phone), meta_phone(person.phone), person.customer_id, *person.aliases]
    return {digest(form) for form in forms} - {""}


def digest(text: str) -> str:
    """SHA-256 in lower-case hex; nothing of nothing, whose digest would match everybody.

    >>> digest("test@example.com")
    '973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b'
    >>> digest("")
    ''
    """
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def google_email(email: str | None) -> str:
    """Lower case; no dots before gmail.com and googlemail.com."""
    local, _, domain = _plain(email).rpartition("@")
    if domain in ("gmail.com", "googlemail.com"):
        local = local.replace(".", "")
    return f"{local}@{domain}" if local else ""


def tiktok_email(email: str | None) -> str:
    """Lower case; nothing from a + up to the @."""
    local, _, domain = _plain(email).rpartition("@")
    local = local.partition("+")[0]
    return f"{local}@{domain}" if local else ""


def e164(phone: str | None) -> str:
    """A plus and digits; nothing without a country code, or with an extension (`;ext=12`).

    >>> e164("+49 30 123"), e164("030 123"), e164("+4930123;ext=12")
    ('+4930123', '', '')
    """
    text = (phone or "").strip().replace("(0)", "")
    if ";" in text:
        return ""
    return f"+{re.sub(r'[^0-9]', '', text)}" if text.startswith("+") else ""


def meta_phone(phone: str | None) -> str:
    """Country code and number, digits only, without leading zeros."""
    return e164(phone).lstrip("+0")


def letters(text: str) -> str:
    """Lower case without punctuation and spaces; letters of every alphabet stay.

    >>> letters("O'Brien-Müller ")
    'obrienmüller'
    """
    normal = unicodedata.normalize("NFC", text).lower()
    return "".join(char for char in normal if char.isalnum())


def _plain(text: str | None) -> str:
    return (text or "").strip().lower()


def _name(person: Person) -> tuple[str, str]:
    """The first and the last word; nothing for the last of a single one."""
    words = (person.full_name or "").split()
    return (words[0] if words else "", words[-1] if len(words) > 1 else "")


def _trait(person: Person, name: str) -> str:
    value: Any = person.traits.get(name)
    return "" if value is None else str(value).strip()


def _place(trait: str) -> Cell:
    return lambda person: digest(letters(_trait(person, trait)))
