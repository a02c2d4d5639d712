"""Lines: packed in every way, in every encoding, with every end, in bounded memory."""

import bz2
import gzip
import io
import lzma
import tracemalloc
import zipfile
from collections import deque
from collections.abc import Callable

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.connectors.files import text
from rapport.connectors.files.encodings import not_readable, suggestion
from rapport.connectors.files.places import FileError
from rapport.connectors.files.text import lines

CONTENT = b"".join(b"line %d \xc3\xb6\n" % number for number in range(50_000))


def zipped(*contents: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/", "")
        for number, content in enumerate(contents):
            archive.writestr(f"folder/{number}.csv", content)
        archive.writestr("__MACOSX/._0.csv", "what macOS adds")
    return file.getvalue()


def zstd(content: bytes) -> bytes:
    packed: bytes = pyarrow.Codec("zstd").compress(content, asbytes=True)
    return packed


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zip": zipped, "zstd": zstd,
}  # fmt: skip


def said(content: bytes) -> str:
    with pytest.raises(FileError) as caught:
        deque(lines(io.BytesIO(content)), maxlen=0)
    return str(caught.value)


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_packed_file_is_the_same_as_a_plain_one(packing: str) -> None:
    plain = list(lines(io.BytesIO(CONTENT)))
    assert list(lines(io.BytesIO(PACKINGS[packing](CONTENT)))) == plain
    assert (len(plain), plain[-1].number) == (50_000, 50_000)


@pytest.mark.parametrize("packing", ["gzip", "bz2", "xz", "zstd"])
def test_packed_files_may_be_joined(packing: str) -> None:
    pack = PACKINGS[packing]
    found = list(lines(io.BytesIO(pack(CONTENT[:7]) + pack(CONTENT[7:]))))
    assert len(found) == 50_000


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_packed_file_that_is_cut_off_is_refused(packing: str) -> None:
    packed = PACKINGS[packing](CONTENT)
    assert "is cut off or damaged after line" in said(packed[: len(packed) * 3 // 4])


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_bomb_is_refused_in_every_packing(packing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "ALWAYS_UNPACKED", 1_000_000)
    bomb = PACKINGS[packing](b"a,b\n" * 5_000_000)
    tracemalloc.start()
    try:
        assert "times its size: refused" in said(bomb)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (zipped(b"a", b"b"), "is a zip with 2 files, and a zip is read where it has one"),
        (zipped(), "is a zip with 0 files"),
        (b"PAR1....", "is a Parquet file. Write `format: parquet`"),
        (b"\xd0\xcf\x11\xe0....", "is a workbook of Excel 97"),
        (b"%PDF-1.7", "is a PDF"),
    ],
)
def test_what_is_no_text_is_refused_with_what_to_do(content: bytes, reason: str) -> None:
    assert reason in said(content)


def test_a_workbook_is_no_zip_of_text() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
    assert said(file.getvalue()) == "is a workbook. Write `format: sheet`"


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"bc"]), max_size=30).map(b"".join),
    st.integers(1, 9),
)
def test_lines_end_as_the_first_one_does_wherever_a_block_ends(content: bytes, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "BLOCK", size)
        found = list(lines(io.BytesIO(content), keep_blank=True))
    first = next((sign for sign in content.splitlines(keepends=True)), b"")
    if first.endswith(b"\r"):
        expected = content.splitlines()
    else:
        expected = [line.rstrip(b"\r") for line in content.removesuffix(b"\n").split(b"\n")]
    assert [line.content for line in found] == (expected if content else [])
    ended = b"".join(line.content + line.end for line in found)
    assert ended.startswith(content)
    assert [line.number for line in found] == list(range(1, len(found) + 1))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_wide_text_is_read_with_and_without_a_mark(encoding: str, mark: str) -> None:
    file = io.BytesIO(f"{mark}id;Größe\r\n1;ü\r\n".encode(encoding))
    found = lines(file)
    assert [line.content.decode() for line in found] == ["id;Größe", "1;ü"]
    assert (found.encoding, found.stored) == ("utf-8", encoding)


def test_a_mark_says_more_than_the_declared_encoding() -> None:
    found = lines(io.BytesIO(b"\xef\xbb\xbf\xc3\xb6"), "cp1252")
    assert (found.encoding, next(found).content.decode()) == ("utf-8", "ö")


def test_wide_text_with_half_a_character_is_refused_where_it_is() -> None:
    content = "a\nb\n".encode("utf-16-le") + b"\x00\xd8" + "c\nd\n".encode("utf-16-le")
    found = [line.content for line in lines(io.BytesIO(content), "utf-16-le")]
    assert (found[0], found[1], found[3]) == (b"a", b"b", b"d")
    with pytest.raises(UnicodeDecodeError):
        found[2].decode()


def test_a_line_of_any_length_costs_no_more_than_its_length() -> None:
    content = b"x" * 40_000_000 + b"\nabc\n"
    found = list(lines(io.BytesIO(content)))
    assert [(line.number, line.problem) for line in found] == [
        (1, "line of 40000001 bytes, too long"), (2, None),
    ]  # fmt: skip
    assert len(found[0].content) == 64 * 1024


@pytest.mark.parametrize(
    ("sample", "encoding"),
    [
        ("Müller;Größe;Straße", "cp1252"),
        ("ÿ", "cp1252"),
        ("naïve", "cp1252"),
        ("Søren Kierkegård", "cp1252"),
        ("Łukasz", "cp1250"),
        ("Иван", "cp1251"),
        ("Žluťoučký kůň;Zażółć gęślą jaźń", "cp1250"),
        ("Владимир Иванов;Москва", "cp1251"),
        ("Αλέξανδρος Παπαδόπουλος", "cp1253"),
        ("注文番号は東京です", "shift_jis"),
    ],
)
def test_the_encoding_is_suggested(sample: str, encoding: str) -> None:
    content = sample.encode(encoding)
    assert suggestion(content) == encoding
    assert not_readable("utf-8", content) == (
        f"not utf-8; it reads as {encoding}: write `encoding: {encoding}`"
    )


def test_nothing_is_suggested_for_a_file_that_mixes_encodings() -> None:
    assert not_readable("utf-8", "ö\n".encode() + "ö\n".encode("cp1252")) == "not utf-8"
