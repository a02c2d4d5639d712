"""The normal form of a phone number: E.164, and the extension where it has one (RFC 3966).

Numbers that a country has since made longer or shorter have the form of today.

>>> normal_form("+52 1 55 2345 6780"), normal_form("11 8765-4321", "BR")
('+525523456780', '+5511987654321')
>>> normal_form("+1 (212) 555-0123,,,001#")
'+12125550123;ext=001'
>>> main_number("+12125550123;ext=001"), can_get_messages("+12125550123;ext=001")
('+12125550123', False)
"""

import re
from collections.abc import Iterator

import phonenumbers

EXTENSION = ";ext="

# By country code: what the national number was, and what it is today
# (https://en.wikipedia.org/wiki/Category:Telephone_numbers_by_country).
_FORMER: dict[int, tuple[tuple[re.Pattern[str], str], ...]] = {
    code: tuple((re.compile(former), today) for former, today in changes)
    for code, changes in {
        # Mexico, 2019: no 1, 01, 044 or 045 before the ten digits.
        52: [(r"(?:1|01|044|045)(\d{10})", r"\1")],
        # Brazil, until 2016: a ninth digit before mobile numbers, which began with 6 to 9.
        55: [(r"(\d\d)([6-9]\d{7})", r"\g<1>9\2")],
        # Colombia, 2021: 60 before the area code of landlines.
        57: [(r"([124-8]\d{7})", r"60\1")],
        # Vietnam, 2018: mobile numbers of eleven digits became one shorter.
        84: [
            (r"120(\d{7})", r"70\1"), (r"121(\d{7})", r"79\1"), (r"122(\d{7})", r"77\1"),
            (r"126(\d{7})", r"76\1"), (r"128(\d{7})", r"78\1"), (r"123(\d{7})", r"83\1"),
            (r"124(\d{7})", r"84\1"), (r"125(\d{7})", r"85\1"), (r"127(\d{7})", r"81\1"),
            (r"129(\d{7})", r"82\1"), (r"16([2-9]\d{7})", r"3\1"), (r"186(\d{7})", r"56\1"),
            (r"188(\d{7})", r"58\1"), (r"199(\d{7})", r"59\1"),
        ],
        # Ivory Coast, 2021: two digits of the operator before mobile numbers.
        225: [
            (r"([014-9][0-3]\d{6})", r"01\1"), (r"([014-9][4-6]\d{6})", r"05\1"),
            (r"([014-9][7-9]\d{6})", r"07\1"),
        ],
        # Benin, 2024: 01 before the eight digits.
        229: [(r"(\d{8})", r"01\1")],
    }.items()
}  # fmt: skip
# Words before an extension that the library does not know.
_EXTENSION_WORD = re.compile(
    r"(?<=[\d\s)])\s*[-–,;/(]?\s*"
    r"(?:poste|durchwahl|dw|app|apparat|nst|klappe|interno|ramal|anexo|toestel|tst|wewn?|linia"
    r"|linka|dahili|внутр|вн|w|p)[.:]?\s*(\d{1,7})\)?$",
    re.IGNORECASE,
)


def normal_form(text: str, region: str = "") -> str | None:
    """The normal form, or None if the text is not a valid phone number.

    `region` is the ISO 3166 code for numbers without a country code.
    """
    try:
        parsed = phonenumbers.parse(_EXTENSION_WORD.sub(r" ext. \1", text), region or None)
    except phonenumbers.NumberParseException:
        return None
    for number in _candidates(parsed):
        if phonenumbers.is_valid_number(number):
            e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            return f"{e164}{EXTENSION}{parsed.extension}" if parsed.extension else str(e164)
    return None


def main_number(form: str) -> str:
    """The normal form without its extension."""
    return form.partition(EXTENSION)[0]


def can_get_messages(form: str) -> bool:
    """Whether a text message can go to the number: an extension is behind a switchboard."""
    return EXTENSION not in form


def _candidates(parsed: phonenumbers.PhoneNumber) -> Iterator[phonenumbers.PhoneNumber]:
    number = phonenumbers.PhoneNumber()
    number.merge_from(parsed)
    number.extension = None
    yield number
    national = phonenumbers.national_significant_number(number)
    for pattern, today in _FORMER.get(parsed.country_code or 0, ()):
        if pattern.fullmatch(national):
            yield phonenumbers.parse(f"+{parsed.country_code}{pattern.sub(today, national)}")
