"""A comment's language and feeling; no answer where the libraries have none to give.

>>> judge("Quick and friendly, best coffee in town.").sentiment
'positive'
>>> judge("Drei Wochen gewartet, niemand antwortet.").abstained_because
'language'
>>> judge("It would be great if you sold gift cards.").is_idea
True
"""

import functools
import html
import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

VERSION = "vader 3.3, langid 0.4, ideas 1"
SPOKEN = "en"  # the only language of vaderSentiment's lexicon
# Fewer to choose from make short comments sure; whoever writes in another is rarely taken for one.
LANGUAGES = ("cs", "de", "en", "es", "fr", "it", "nl", "pl", "pt", "ru", "sv", "tr")
CONFIDENT = 0.8
SHORTEST = 12  # letters; below, a language is a guess
FEELING = 0.05  # the library's own threshold
TAG = re.compile(r"<[^>]{0,200}>")


class Judgement(NamedTuple):
    """`sentiment` is None where `abstained_because` says short, language or words."""

    language: str | None
    sentiment: str | None
    compound: float | None
    abstained_because: str | None
    is_idea: bool


def judge(text: str) -> Judgement:
    """Read one comment."""
    plain = html.unescape(TAG.sub(" ", text))
    is_idea = _ideas().search(plain.casefold()) is not None
    if sum(map(str.isalpha, plain)) < SHORTEST:
        return Judgement(None, None, None, "short", is_idea)
    language, confidence = _languages().classify(plain)
    if confidence < CONFIDENT:
        return Judgement(None, None, None, "language", is_idea)
    if language != SPOKEN:
        return Judgement(language, None, None, "language", is_idea)
    scores = _lexicon().polarity_scores(plain)
    if not scores["pos"] and not scores["neg"]:
        return Judgement(language, None, None, "words", is_idea)
    compound = scores["compound"]
    sentiment = "neutral"
    if abs(compound) >= FEELING:
        sentiment = "positive" if compound > 0 else "negative"
    return Judgement(language, sentiment, compound, None, is_idea)


@functools.cache
def _languages() -> Any:
    from py3langid.langid import (  # type: ignore[import-untyped]
        MODEL_FILE,
        LanguageIdentifier,
    )

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LANGUAGES))
    return identifier


@functools.cache
def _lexicon() -> Any:
    from vaderSentiment.vaderSentiment import (  # type: ignore[import-untyped]
        SentimentIntensityAnalyzer,
    )

    return SentimentIntensityAnalyzer()


@functools.cache
def _ideas() -> re.Pattern[str]:
    """One pattern of the phrases of every language, at the beginning of a word."""
    content = yaml.safe_load(Path(__file__).with_name("ideas.yml").read_text(encoding="utf-8"))
    phrases = sorted(phrase.casefold() for spoken in content.values() for phrase in spoken)
    return re.compile(r"\b(?:" + "|".join(map(re.escape, phrases)) + ")")
