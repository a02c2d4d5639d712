"""Messages and values in the reader's language."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from rapport.pages.messages import LOCALE, LOCALES
from rapport.pages.rendering import HERE, environment
from rapport.pages.translations import Words

from .code_words import CODES

NIGHT = datetime(2026, 3, 31, 3, 5, tzinfo=UTC)


def messages() -> set[tuple[str, ...]]:
    """Every message of every template: one text, or singular and plural."""
    found = set()
    for folder in (HERE / "templates", HERE.parent / "report"):
        for _, _, message, _, _ in extract_from_dir(
            folder,
            [("**.html", "jinja2.ext:babel_extract")],
            keywords={"_": None, "gettext": None, "ngettext": (1, 2)},
        ):
            found.add(message if isinstance(message, tuple) else (message,))
    assert len(found) > 200
    return found


@pytest.mark.parametrize("locale", [name for name in LOCALES if name != "en"])
def test_every_message_is_translated_and_keeps_its_places(locale: str) -> None:
    with (LOCALE / f"{locale}.po").open("rb") as file:
        catalogue = read_po(file, locale=locale)
    translated, codes = {}, {}
    for message in catalogue:
        if message.context is not None:
            codes[message.id] = message.string
            continue
        key = message.id if isinstance(message.id, tuple) else (message.id,)
        said = message.string if isinstance(message.string, tuple) else (message.string,)
        translated[key] = said
    translated.pop(("",))
    assert set(translated) == messages()
    assert set(codes) == CODES and all(codes.values())
    for key, said in translated.items():
        for text in said:
            assert text, key
            assert sorted(re.findall(r"%\(\w+\)\w", text)) == sorted(
                re.findall(r"%\(\w+\)\w", key[-1])
            ), key


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "1 платёж"),
        (3, "3 платежа"),
        (5, "5 платежей"),
        (21, "21 платёж"),
        (111, "111 платежей"),
    ],
)
def test_russian_counts_in_three_forms(count: int, said: str) -> None:
    text = "{{ ngettext('%(num)d payment', '%(num)d payments', n) }}"
    assert environment("ru").from_string(text).render(n=count) == said


def test_a_state_is_said_in_the_language_and_a_word_of_the_companys_own_as_it_is() -> None:
    text = "{{ state|words }}"
    assert environment("ru").from_string(text).render(state="no_consent") == "нет согласия"
    assert environment("ru").from_string(text).render(state="vip_club") == "vip club"
    assert environment("en").from_string(text).render(state="no_consent") == "no consent"


def test_values_in_a_message_are_escaped() -> None:
    text = "{{ _('since %(time)s', time=value) }}"
    assert "<b>" not in environment("ru").from_string(text).render(value="<b>")
    assert "<b>" not in environment("en").from_string(text).render(value="<b>")


def test_numbers_and_days_are_those_of_the_language() -> None:
    english, russian = Words("en"), Words("ru")
    assert english.number(Decimal("1234.50")) == "1,234.5"
    assert russian.number(1234.5) == "1\u00a0234,5"
    assert english.time(NIGHT) == "Mar 31, 2026, 03:05"
    assert russian.day(NIGHT) == "31 мар. 2026\u202fг."
    assert english.money(Decimal("9.9"), "EUR") == "9.90 EUR"
    assert english.seconds(61.5) == "1 min 1 sec" and russian.seconds(5.5) == "5,5 с"
    assert english.ago(NIGHT - timedelta(days=3), NIGHT) == "3 days"


def test_what_is_not_known_is_a_dash_and_never_a_zero() -> None:
    words = Words()
    for value in (None, Decimal("NaN"), float("inf")):
        assert words.number(value) == "–"
    assert (
        words.share(None) == words.day(None) == words.time(None) == words.money(None, "EUR") == "–"
    )
    assert words.change(1, None) == "–"


def test_a_change_has_its_sign_and_nothing_is_nothing() -> None:
    words = Words()
    assert words.change(3, 1) == "+2"
    assert words.change(1, 3) == "−2"
    assert words.change(1.0001, 1.0) == "±0"
    assert words.change(0.5, 0.25, "churn_rate") == "+25 %"
