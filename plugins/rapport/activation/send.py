"""A batch's way to the tool and back: a job is polled to its end, a refused batch is halved.

>>> send(tool, batch, leavers=False)  # doctest: +SKIP
[Result(customer_id='c_1', remote_id='42', error=None)]
"""

from collections.abc import Sequence

from rapport.destinations.base import Batch, BatchRefused, Destination, Job, Result
from rapport.errors import RetryLater

LONGEST_LOOK = 30.0
PATIENCE = 3600.0


def send(tool: Destination, batch: Batch, *, leavers: bool) -> list[Result]:
    """One answer for each person: one that the tool did not mention was not accepted."""
    by_id = {result.customer_id: result for result in _answers(tool, batch, leavers)}
    return [
        by_id.get(
            person.customer_id,
            Result(person.customer_id, error="the tool gave no answer for this row"),
        )
        for person in batch.people
    ]


def _answers(tool: Destination, batch: Batch, leavers: bool) -> list[Result]:
    """The answers for a batch; a refused one is halved until the rows at fault stand alone."""
    try:
        answer = tool.remove(batch) if leavers else tool.upsert(batch)
        return list(_end_of(tool, answer, batch) if isinstance(answer, Job) else answer)
    except BatchRefused as error:
        if len(batch.people) == 1:
            return [Result(batch.people[0].customer_id, error=str(error))]
    middle = len(batch.people) // 2
    results: list[Result] = []
    for part, people in enumerate((batch.people[:middle], batch.people[middle:])):
        half = Batch(f"{batch.id}.{part}", batch.audience, people, batch.run_id, batch.as_of)
        results += _answers(tool, half, leavers)
    return results


def _end_of(tool: Destination, job: Job, batch: Batch) -> Sequence[Result]:
    wait, waited = 1.0, 0.0
    while waited < PATIENCE:
        results = tool.poll(job, batch)
        if results is not None:
            return results
        tool.sleep(wait)
        wait, waited = min(2 * wait, LONGEST_LOOK), waited + wait
    raise RetryLater(
        f"{tool.name}: a job is not done after {PATIENCE:.0f} s. Its people do not count as sent; "
        "the next run sends them again."
    )
