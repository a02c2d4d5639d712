"""Which encoding the bytes of a text file are in.

>>> suggestion("Größe".encode("cp1252"))
'cp1252'
"""

import codecs
import re

BOMS = {
    # The one of UTF-32 begins as the one of UTF-16 does.
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_WESTERN = "äöüßÄÖÜéèêëàâçùûîïôœæøåñáíóúãõÀÉÈÊÇØÅÑÆìò¿¡ÁÍÓÚ"
_CENTRAL = "ąćęłńóśźżĄĆĘŁŃÓŚŹŻáčďéěíňřšťúůýžÁČĎÉĚÍŇŘŠŤÚŮÝŽäöüßÄÖÜőűŐŰđĐşţăâîľĺŕô"
_CYRILLIC = "абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЭЮЯЁІЇЄ"
_GREEK = "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΆΈΉΊΌΎΏ"
_TURKISH = "çğıöşüÇĞİÖŞÜâî"
_MARKS = "€–—’‘“”„…«»°§·•®©™£"
# The encodings that are suggested, with the letters that texts in them are made of.
_USUAL = {
    "cp1252": _WESTERN,
    "cp1250": _CENTRAL,
    "cp1251": _CYRILLIC,
    "cp1253": _GREEK,
    "cp1254": _TURKISH,
    "koi8-r": _CYRILLIC,
    "mac-roman": _WESTERN,
    "cp850": _WESTERN,
}
_EAST_ASIAN = ("shift_jis", "gb18030", "big5", "euc_kr")
_UTF_8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_RUNS = re.compile(r"[^\W\x00-\x7f]+")
_TURNED = re.compile(r"[а-яёα-ω][А-ЯЁΑ-Ω]")
SAMPLE = 64 * 1024


def marked(head: bytes) -> tuple[str, bytes] | None:
    """The encoding that a byte order mark names, and the mark."""
    return next(((name, bom) for bom, name in BOMS.items() if head.startswith(bom)), None)


def wide(head: bytes) -> str | None:
    """UTF-16 or UTF-32 without a byte order mark: many of every second byte are NUL.

    >>> wide("id;Größe".encode("utf-16-be"))
    'utf-16-be'
    """
    head = head[: len(head) // 4 * 4] or head[: len(head) // 2 * 2]
    nuls = [head[place::4].count(0) for place in range(4)]
    most = max(len(head) // 4, 1)
    candidates = {
        "utf-32-le": min(nuls[2:]) > 0.9 * most and nuls[0] == 0,
        "utf-32-be": min(nuls[:2]) > 0.9 * most and nuls[3] == 0,
        "utf-16-le": nuls[1] + nuls[3] > max(0.4 * most, 20 * (nuls[0] + nuls[2]), 2),
        "utf-16-be": nuls[0] + nuls[2] > max(0.4 * most, 20 * (nuls[1] + nuls[3]), 2),
    }
    for name, is_likely in candidates.items():
        text = head.decode(name, "ignore") if is_likely else "\x00"
        # In text of this width, most bytes that are a line feed are half of one.
        if not _CONTROL.search(text) and 4 * text.count("\n") >= head.count(b"\n"):
            return name
    return None


def by_lines(encoding: str) -> bool:
    """Whether lines end with the same bytes as in ASCII, so that each is decoded by itself."""
    try:
        return "a\r\n;".encode(encoding) == b"a\r\n;"
    except UnicodeError:
        return False


def suggestion(sample: bytes) -> str | None:
    """The encoding in which these bytes, which are not UTF-8, are most likely a text.

    None where some of them are UTF-8: the file mixes encodings, and no one of them is right.
    """
    sample = sample[:SAMPLE]
    if _UTF_8.search(sample):
        return next((name for name in _EAST_ASIAN if _reads_as_words(sample, name)), None)
    scores = {name: _fit(sample, name) for name in _USUAL}
    best = max(scores, key=lambda name: scores[name])
    if scores[best] > 0.6:
        return best
    eastern = next((name for name in _EAST_ASIAN if _reads_as_words(sample, name)), None)
    return eastern or (best if scores[best] >= 0 else None)


def _fit(sample: bytes, name: str) -> float:
    """The share of unusual signs that texts in this encoding are made of; below 0 for none."""
    try:
        text = sample.decode(name)
    except UnicodeDecodeError:
        return -1
    odd = [sign for sign in text if sign > "\x7f"]
    fitting: float = sum((sign in _USUAL[name]) + 0.9 * (sign in _MARKS) for sign in odd)
    if _USUAL[name] in (_CYRILLIC, _GREEK):
        # Such letters stand together, and capitals at the beginning of words.
        fitting -= sum(len(run) == 1 for run in _RUNS.findall(text)) + len(_TURNED.findall(text))
    else:
        longest = 2 if _USUAL[name] == _WESTERN else 3
        fitting -= sum(len(run) for run in _RUNS.findall(text) if len(run) > longest)
    return max(fitting, 0) / max(len(odd), 1)


def _reads_as_words(sample: bytes, name: str) -> bool:
    try:
        text = sample.decode(name)
    except UnicodeDecodeError:
        return False
    odd = [letter for letter in text if letter > "\x7f"]
    usual = [x for x in odd if "\u3040" <= x <= "\u30ff" or "\u4e00" <= x <= "\u9fff"
             or "\uac00" <= x <= "\ud7a3"]  # fmt: skip
    return bool(odd) and len(usual) > 0.8 * len(odd)


def not_readable(encoding: str, sample: bytes) -> str:
    """What is said of a row that is not in its encoding. It shows nothing of the row."""
    better = suggestion(sample) if encoding == "utf-8" else None
    return f"not {encoding}" + (
        f"; it reads as {better}: write `encoding: {better}`" if better else ""
    )
