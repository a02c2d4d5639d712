"""Detects a comment's language and sentiment, and whether it suggests an idea.

If the libraries cannot decide, there is no answer but a reason.

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
LEXICON_LANGUAGE = "en"  # the only language of vaderSentiment's lexicon
# With few languages to choose from, short comments are recognised with enough confidence.
LANGUAGES = ("cs", "de", "en", "es", "fr", "it", "nl", "pl", "pt", "ru", "sv", "tr")
MIN_CONFIDENCE = 0.8
MIN_LETTERS = 12  # with fewer, the language would be a guess
MIN_COMPOUND = 0.05  # vaderSentiment's own threshold between neutral and positive or negative
TAG = re.compile(r"<[^>]{0,200}>")


class Judgement(NamedTuple):
    """The result for one comment.

    `sentiment` is `positive`, `neutral` or `negative`. `compound` is vaderSentiment's score from -1
    to 1. Both are None if `abstained_because` is `short`, `language` or `words`.
    """

    language: str | None
    sentiment: str | None
    compound: float | None
    abstained_because: str | None
    is_idea: bool


def judge(text: str) -> Judgement:
    """Judge one comment, which may contain HTML."""
    plain = html.unescape(TAG.sub(" ", text))
    is_idea = _ideas().search(plain.casefold()) is not None
    if sum(map(str.isalpha, plain)) < MIN_LETTERS:
        return Judgement(None, None, None, "short", is_idea)
    language, confidence = _languages().classify(plain)
    if confidence < MIN_CONFIDENCE:
        return Judgement(None, None, None, "language", is_idea)
    if language != LEXICON_LANGUAGE:
        return Judgement(language, None, None, "language", is_idea)
    scores = _lexicon().polarity_scores(plain)
    if not scores["pos"] and not scores["neg"]:
        return Judgement(language, None, None, "words", is_idea)
    compound = scores["compound"]
    sentiment = "neutral"
    if abs(compound) >= MIN_COMPOUND:
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
    """One pattern for the phrases of all languages, each at the beginning of a word."""
    content = yaml.safe_load(Path(__file__).with_name("ideas.yml").read_text(encoding="utf-8"))
    phrases = sorted(phrase.casefold() for listed in content.values() for phrase in listed)
    return re.compile(r"\b(?:" + "|".join(map(re.escape, phrases)) + ")")
