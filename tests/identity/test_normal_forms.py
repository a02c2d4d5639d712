"""Normal forms: equal things compare equal, and a normal form is its own normal form."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rapport.identity.normal_forms import LONGEST, Form, name_form, normal_form
from rapport.identity.rules import load_rules

RULES = load_rules()
PHONES = st.builds(
    "{}{}{}".format,
    st.sampled_from(
        ["+1 212 555 0123", "+52 1 55 2345 6780", "+55 11 8765 4321", "044 55 2345 6780", "0309018"]
    ),
    st.sampled_from([" x", " ext. ", ",,,", ";ext=", " Durchwahl ", " доб. ", "#", "-", " / ", ""]),
    st.sampled_from(["", "1", "001", "34#", "1234567890", "x"]),
)
TYPES = st.sampled_from(["email", "phone", "user_id", "device_id", "hubspot_id"])
AROUND = st.text(alphabet="<>[]()'\"“ mailto:,;.", max_size=9)
EMAILS = st.one_of(
    st.text(max_size=40),
    st.emails(),
    st.builds("{}@{}.example".format, st.text(max_size=10), st.text(max_size=10)),
    st.builds(
        "{}d@x.example{}".format, *[st.text(alphabet="<>[]()'\"“ mailto:,;.", max_size=9)] * 2
    ),
)


@given(
    kind=TYPES,
    raw=st.one_of(EMAILS, PHONES, st.text(alphabet="+()-0123456789 ext.", max_size=20)),
)
@example(kind="email", raw="İ@x.de")
@example(kind="email", raw="ﬁ@x.de")
@example(kind="user_id", raw="e\u0301\u200d ")
@settings(max_examples=300, deadline=None)
def test_the_normal_form_of_a_normal_form_is_itself(kind: str, raw: str) -> None:
    form = normal_form(kind, raw, "DE")
    if form.value is not None:
        assert normal_form(kind, form.value, "US") == form


@given(raw=st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_the_form_of_a_name_is_its_own_form_and_plain(raw: str) -> None:
    form = name_form(raw)
    assert name_form(form) == form
    assert form.isascii()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna.Maier@Example.COM ", "anna.maier@example.com"),
        ("\u200banna@example.com", "ANNA@example.com"),
        ("anna@bücher.de", "anna@xn--bcher-kva.de"),
        ("иван@почта.рф", "ИВАН@xn--80a1acny.xn--p1ai"),
        ("mailto:anna@example.com", "<anna@example.com>"),
        ("ａｎｎａ@example.com", "anna@example.com"),
        ("MAILTO:anna@example.com?subject=Hi", "anna@example.com"),
        ("<MailTo: Anna@example.com>", "anna@example.com"),
        ('"Anna Maier" <anna@example.com>', "anna@example.com"),
        ("Anna Maier [mailto:anna@example.com]", "anna@example.com"),
        ("Anna <anna@example.com> (work)", "anna@example.com"),
        ("anna@example.com.", "anna@example.com"),
        ("anna@example.com;", "anna@example.com"),
        ("'anna@example.com'", "anna@example.com"),
        ('"anna@example.com"', "“anna@example.com”"),
        ("[anna@example.com]", "(anna@example.com)"),
        ("SMTP:anna@example.com", "anna@example.com"),
    ],
)
def test_addresses_that_mean_one_mailbox_are_equal(one: str, other: str) -> None:
    assert normal_form("email", one).value == normal_form("email", other).value is not None


def test_dots_and_plus_tags_count_unless_the_rules_say_otherwise() -> None:
    assert normal_form("email", "a.b+x@gmail.com", rules=RULES).value == "a.b+x@gmail.com"
    lax = load_rules({"email_ignore_dots": ["gmail.com"], "email_ignore_plus_tags": ["gmail.com"]})
    assert normal_form("email", "a.b+x@gmail.com", rules=lax).value == "ab@gmail.com"
    assert normal_form("email", "a.b+x@example.com", rules=lax).value == "a.b+x@example.com"


@pytest.mark.parametrize(
    "raw", ["030 901820", "+49 30 901820", "0049 30/90 18 20", "(030) 90-1820"]
)
def test_notations_of_a_phone_number_are_equal(raw: str) -> None:
    assert normal_form("phone", raw, "DE").value == "+4930901820"


def test_a_phone_number_without_a_country_code_is_read_in_its_region() -> None:
    assert normal_form("phone", "020 7946 0018", "GB").value == "+442079460018"
    assert normal_form("phone", "020 7946 0018").problem == "not_a_phone"


@pytest.mark.parametrize(
    ("one", "other", "region"),
    [
        ("+5215523456780", "+525523456780", ""),
        ("044 55 2345 6780", "+52 1 55 2345 6780", "MX"),
        ("045 55 2345 6780", "01 55 2345 6780", "MX"),
        ("1 55 2345 6780", "55 2345 6780", "MX"),
        ("+551187654321", "+5511987654321", ""),
        ("(11) 8765-4321", "11 98765 4321", "BR"),
        ("011 15 2345-6789", "+54 9 11 2345 6789", "AR"),
        ("+54 11 15 2345 6789", "+5491123456789", ""),
        ("+229 97 97 97 97", "+2290197979797", ""),
        ("+57 1 3456780", "+576013456780", ""),
        ("0162 345 6780", "+84323456780", "VN"),
        ("+84 120 345 6780", "+84703456780", ""),
        ("+225 07 08 09 10", "+2250707080910", ""),
        ("+225 45 08 09 10", "+2250545080910", ""),
    ],
)
def test_a_number_before_and_after_its_country_changed_its_plan_is_one(
    one: str, other: str, region: str
) -> None:
    form = normal_form("phone", one, region).value
    assert form == normal_form("phone", other, region).value is not None


@pytest.mark.parametrize("number", ["+551138654321", "+525523456780", "+541143215678"])
def test_a_landline_gets_no_digit(number: str) -> None:
    assert normal_form("phone", number).value == number


@pytest.mark.parametrize(
    ("written", "extension"),
    [
        ("+1 (212) 555-0123,,,001#", "001"),
        ("+1 (212) 555-0123 x34", "34"),
        ("+1 212 555 0123 ext. 12", "12"),
        ("+1 212 555 0123 #12", "12"),
        ("+1-212-555-0123;ext=12", "12"),
        ("tel:+1-212-555-0123;ext=12", "12"),
        ("+1 212 555 0123w12", "12"),
        ("+1 212 555 0123 (Durchwahl: 12)", "12"),
        ("+1 212 555 0123 poste 12", "12"),
        ("+1 212 555 0123 доб. 12", "12"),
        ("+1 212 555 0123 int. 12", "12"),
    ],
)
def test_an_extension_is_another_number_than_the_main_number(written: str, extension: str) -> None:
    assert normal_form("phone", written).value == f"+12125550123;ext={extension}"
    assert normal_form("phone", "+1 212 555 0123").value == "+12125550123"


def test_the_extension_of_a_placeholder_is_a_placeholder() -> None:
    for raw in ("+49 30 0000000", "+49 30 0000000 ext. 12"):
        assert normal_form("phone", raw, rules=RULES).problem == "blocked_pattern"


@pytest.mark.parametrize(
    ("kind", "raw", "problem"),
    [
        ("email", "", "blank"),
        ("email", " \u200b\t", "blank"),
        ("email", "x" * 10_000, "too_long"),
        ("user_id", "x" * (LONGEST + 1), "too_long"),
        ("email", "anna", "not_an_email"),
        ("email", "anna@@example.com", "not_an_email"),
        ("phone", "call me", "not_a_phone"),
        ("phone", "0000000000", "blocked_pattern"),
        ("email", "NULL", "blocked_value"),
        ("user_id", "null", "blocked_value"),
        ("email", "test@test.com", "blocked_value"),
        ("email", "info@example.com", "blocked_pattern"),
        ("device_id", "00000000-0000-0000-0000-000000000000", "blocked_value"),
    ],
)
def test_what_must_not_link_says_why(kind: str, raw: str, problem: str) -> None:
    assert normal_form(kind, raw, "DE", RULES).problem == problem


def test_nul_and_other_control_characters_vanish() -> None:
    assert normal_form("user_id", "u\x00_1\x07") == Form("u_1")


def test_names_in_cyrillic_and_latin_are_equal() -> None:
    assert name_form("Александр Иванов") == name_form("ALEKSANDR  IVANOV")
    assert name_form("Zoë O'Brien") == "zoe obrien"
