import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rapport.landing.text_repair import repair


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",), exclude_characters="\x00")))
def test_a_sound_record_is_left_alone(text: str) -> None:
    record = msgspec.json.encode({"text": text})
    assert repair(record) == record


@given(st.lists(st.sampled_from(["\\ud83d", "\\ude00", "\\u0000", "\\\\", "\\u0041", "x", "\\n"])))
def test_what_is_repaired_can_be_read_and_holds_no_nul(parts: list[str]) -> None:
    repaired = repair(b'{"text": "' + "".join(parts).encode() + b'"}')
    text = msgspec.json.decode(repaired)["text"]
    assert "\x00" not in text
    text.encode()
    assert repair(repaired) == repaired
