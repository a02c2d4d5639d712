"""The normal form of an e-mail address, a phone number or another identifier.

Two spellings of the same identifier have the same normal form. Normalising a normal form again
changes nothing.

>>> normal_form("email", " Anna@EXAMPLE.com ").value
'anna@example.com'
>>> normal_form("phone", "030 901820", region="DE").value
'+4930901820'
>>> normal_form("phone", "call me").problem
'not_a_phone'
"""

import re
import unicodedata
from typing import NamedTuple

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from text_unidecode import unidecode  # type: ignore[import-untyped]

from rapport.identity.rules import Rules

LONGEST = 512
"""The maximum length of an identifier in characters. A longer value would not fit an index."""

_PLAIN_EMAIL = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
)
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
        form = _phone(text, region)
    else:
        form = Form(text)
    if form.value is None:
        # "null" is blocked and is also not an e-mail address. The blocked reason says more.
        blocked = rules and rules.blocks(identifier_type, text)
        return Form(None, blocked or form.problem)
    return Form(form.value, rules.blocks(identifier_type, form.value) if rules else None)


def _visible(raw: str) -> str:
    if raw.isascii() and raw.isprintable():
        return raw.strip()
    text = unicodedata.normalize("NFKC", raw)
    text = "".join(c for c in text if unicodedata.category(c) not in _INVISIBLE)
    return unicodedata.normalize("NFKC", text.strip()).strip()


def _email(text: str, rules: Rules | None) -> Form:
    text = text.removeprefix("mailto:").strip("<>").strip().lower()
    if not (len(text) <= 254 and _PLAIN_EMAIL.fullmatch(text) and "xn--" not in text):
        try:
            parts = validate_email(text, check_deliverability=False, test_environment=True)
        except EmailNotValidError:
            return Form(None, "not_an_email")
        text = f"{parts.local_part.lower()}@{parts.ascii_domain.lower()}"
    return Form(_without_provider_noise(text, rules) if rules else text)


def _without_provider_noise(text: str, rules: Rules) -> str:
    local, _, domain = text.rpartition("@")
    if domain in rules.email_ignore_plus_tags:
        local = local.partition("+")[0] or local
    if domain in rules.email_ignore_dots:
        local = local.replace(".", "") or local
    return f"{local}@{domain}"


def _phone(text: str, region: str) -> Form:
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        return Form(None, "not_a_phone")
    if not phonenumbers.is_valid_number(number):
        return Form(None, "not_a_phone")
    number.extension = None
    return Form(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


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
