"""Finds and masks record ids that are themselves an e-mail address or a phone number.

>>> masked("files:shop:+4930901820"), masked("crm:contacts:42")
('files:shop:(address)', 'crm:contacts:42')
"""

import re

import phonenumbers

from rapport.connectors import all_sources

HIDDEN = "(address)"
_WITH_PREFIX = re.compile(r"(\+|%2b|00)[\d\s()./-]{6,}", re.IGNORECASE)
_NATIONAL = re.compile(r"\(?0[\d\s()./-]{6,}")
_EXTENSION = re.compile(r"\s*(?:;ext=|ext\.?|x|,+)\s*\d+#?$", re.IGNORECASE)
_DIGITS = re.compile(r"\d{10,15}")


def is_contact(text: str) -> bool:
    """Whether a record's id, or the key at its end, is an e-mail address or a phone number."""
    key = _EXTENSION.sub("", text.split(":")[-1].strip())
    if "@" in text or "%40" in text:
        return True
    if _WITH_PREFIX.fullmatch(key) or _NATIONAL.fullmatch(key):
        return True
    source = all_sources().get(text.partition(":")[0])
    is_keyed_by_contacts = ":" not in text or (source and source.vendor.is_keyed_by_contacts)
    return bool(is_keyed_by_contacts) and bool(_DIGITS.fullmatch(key)) and _is_number(key)


def masked(profile_id: str) -> str:
    """The id, with its key replaced by `HIDDEN` if the key is a contact detail."""
    if not is_contact(profile_id):
        return profile_id
    return ":".join([*profile_id.split(":")[:-1][:2], HIDDEN])


def _is_number(digits: str) -> bool:
    """Whether digits are a valid phone number with a country code, or a North American one."""
    for prefix in ("+", "+1"):
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(prefix + digits)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False
