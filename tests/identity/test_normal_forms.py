"""Normal forms: equal things compare equal, and a normal form is its own normal form."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rapport.identity.normal_forms import LONGEST, Form, name_form, normal_form
from rapport.identity.rules import load_rules

RULES = load_rules()
TYPES = st.sampled_from(["email", "phone", "user_id", "device_id", "hubspot_id"])
EMAILS = st.one_of(
    st.text(max_size=40),
    st.emails(),
    st.builds("{}@{}.example".format, st.text(max_size=10), st.text(max_size=10)),
)


@given(kind=TYPES, raw=st.one_of(EMAILS, st.text(alphabet="+()-0123456789 ext.", max_size=20)))
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
