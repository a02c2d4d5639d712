"""Which columns of a survey's export hold the answers to scored questions.

>>> from rapport.connectors.files.inspection.columns import look_at
>>> metric_of(look_at("How likely are you to recommend us?", ["10", "Not at all likely - 0"]))
'nps'
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rapport.connectors.files.inspection.columns import Column
from rapport.connectors.files.inspection.headings import plain_heading
from rapport.connectors.files.inspection.proposal import Proposal
from rapport.vendors.reading.problems import Unreadable
from rapport.vendors.reading.scores import SCALES, on_scale, score

_ABOUT = {
    "nps": ("nps", "recommend", "empfehlen", "weiterempfehl", "recomendar", "recommander"),
    "csat": ("csat", "satisf", "zufrieden", "satisfecho"),
    "ces": ("ces", "effort", "easy", "einfach", "aufwand"),
}


def add_questions(
    proposal: Proposal, mapped: dict[str, dict[str, Any]], columns: Sequence[Column]
) -> None:
    """Columns with answers on a scale. One is the score; several are questions of `surveys`."""
    used = {column["column"] for column in mapped.values() if "column" in column}
    questions: dict[str, str] = {}
    for column in columns:
        if column.name in used or column.kind not in ("number", "text", "word"):
            continue
        if (metric := metric_of(column)) is not None:
            questions[column.name] = metric
    if len(questions) == 1:
        question, metric = questions.popitem()
        mapped["score"] = {"column": question}
        mapped["metric"] = {"value": metric}
    elif questions:
        proposal.questions = questions
        proposal.doubt("", "several scored questions: put the block `surveys` into rapport.yml too")


def add_metric(
    proposal: Proposal,
    mapped: dict[str, dict[str, Any]],
    by_name: Mapping[str, Column],
    file: str,
) -> None:
    """What a score measures, where no column says it; the name of the file may."""
    if "score" not in mapped or "metric" in mapped:
        return
    column = by_name[mapped["score"]["column"]]
    metric = metric_of(column) or metric_of(replace(column, name=file))
    if metric is not None:
        mapped["metric"] = {"value": metric}
    elif "question_id" not in mapped:
        proposal.doubt("score", "say what it measures: `metric: {value: nps}`, csat or ces")


def metric_of(column: Column) -> str | None:
    """The metric of a question, where its answers are on the metric's scale."""
    numbers = []
    for text in column.texts:
        try:
            numbers.append(score(text))
        except Unreadable:
            continue
    if len(numbers) < 0.8 * len(column.texts):
        return None
    heading = plain_heading(column.name)
    if heading.endswith("_group"):
        return None
    for metric, parts in _ABOUT.items():
        on = sum(on_scale(number, SCALES[metric]) is not None for number in numbers)
        fits = on > 0.8 * len(numbers)
        if fits and any(part in heading for part in parts):
            return metric
    return None
