"""The normal form of an e-mail address, a phone number or another identifier.

Two spellings of the same identifier have the same normal form. Normalising a normal form again
changes nothing.

>>> normal_form("email", " Anna@EXAMPLE.com ").value
'anna@example.com'
>>> normal_form("phone", "030 901820", region="DE").value
'+4930901820'
>>> normal_form("phone", "+1 (212) 555-0123 x34").value
'+12125550123;ext=34'
>>> normal_form("phone", "call me").problem
'not_a_phone'
"""

import re
import unicodedata
from typing import NamedTuple

from email_validator import EmailNotValidError, validate_email
from text_unidecode import unidecode  # type: ignore[import-untyped]

from rapport.identity import phone_forms
from rapport.identity.rules import Rules

VERSION = 2
"""Increase it when a change gives any value another normal form: all values are read again."""

LONGEST = 512
"""The maximum length of an identifier in characters. A longer value would not fit an index."""

_PLAIN_EMAIL = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
)
_NAMED = re.compile(r"[^<>\[\]]*[<\[]([^<>\[\]]+)[>\]][^<>\[\]@]*")
_PREFIX = re.compile(r"(?:mailto|smtp|e-?mail)\s*:\s*")
_INVISIBLE = {"Cc", "Cf", "Zl", "Zp"}


class Form(NamedTuple):
    """A normal form, or the problem why there is none. A blocked value has both."""

    value: str | None
    problem: str | None = None


def normal_form(
    identifier_type: str, raw: str, region: str = "", rules: Rules | None = None
) -> Form:
    """The normal form of an identifier, checked against the blocked values of `rules` if given.

    `region` is the ISO 3166 code for phone numbers without a country code.
    """
    if len(raw) > LONGEST:
        return Form(None, "too_long")
    text = _visible(raw)
    if not text:
        return Form(None, "blank")
    if identifier_type == "email":
        form = _email(text, rules)
    elif identifier_type == "phone":
        number = phone_forms.normal_form(text, region)
        form = Form(number, None if number else "not_a_phone")
    else:
        form = Form(text)
    if form.value is None:
        # "null" is blocked and is also not an e-mail address. The blocked reason says more.
        blocked = rules and rules.blocks(identifier_type, text)
        return Form(None, blocked or form.problem)
    # The extension does not change whether the main number is a placeholder.
    main = phone_forms.main_number(form.value) if identifier_type == "phone" else form.value
    return Form(form.value, rules.blocks(identifier_type, main) if rules else None)


def _visible(raw: str) -> str:
    if raw.isascii() and raw.isprintable():
        return raw.strip()
    text = unicodedata.normalize("NFKC", raw)
    text = "".join(c for c in text if unicodedata.category(c) not in _INVISIBLE)
    return unicodedata.normalize("NFKC", text.strip()).strip()


def _email(text: str, rules: Rules | None) -> Form:
    text = _address(text.lower())
    if not (len(text) <= 254 and _PLAIN_EMAIL.fullmatch(text) and "xn--" not in text):
        try:
            parts = validate_email(text, check_deliverability=False, test_environment=True)
        except EmailNotValidError:
            return Form(None, "not_an_email")
        text = f"{parts.local_part.lower()}@{parts.ascii_domain.lower()}"
    return Form(_without_provider_noise(text, rules) if rules else text)


def _address(text: str) -> str:
    """The address without the name, the prefix, the quotes and the punctuation around it."""
    if "@" in text and (named := _NAMED.fullmatch(text)):
        text = named[1]
    while True:
        before = text
        if prefix := _PREFIX.match(text):
            text = text[prefix.end() :].partition("?")[0]
        text = text.strip("<>()[]«»‹›“”„‘’'` \t\u00a0").rstrip(".,;:")
        if len(text) > 1 and text[0] == text[-1] == '"':
            text = text[1:-1]
        if text == before:
            return text


def _without_provider_noise(text: str, rules: Rules) -> str:
    local, _, domain = text.rpartition("@")
    if domain in rules.email_ignore_plus_tags:
        local = local.partition("+")[0] or local
    if domain in rules.email_ignore_dots:
        local = local.replace(".", "") or local
    return f"{local}@{domain}"


def name_form(raw: str) -> str:
    """A person's name in lower-case Latin letters without accents and punctuation.

    It is used for comparisons only.

    >>> name_form("  Щербакова,  Юлия ") == name_form("Shcherbakova Iuliia")
    True
    >>> name_form("Łukasz Müller-Ørsted")
    'lukasz muller orsted'
    """
    text = unidecode(unicodedata.normalize("NFKC", raw)).casefold()
    return " ".join(re.sub(r"[^a-z0-9]+", " ", text.replace("'", "")).split())
