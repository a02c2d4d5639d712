"""Sending batches: jobs are polled to their end, and a refused batch is halved.

As many batches are under way as the destination allows. The answers that arrive before another
batch fails are kept; the failure is raised afterwards.

>>> send(destination, batch, leavers=False)  # doctest: +SKIP
[Result(customer_id='c_1', remote_id='42', error=None)]
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice

from rapport.activation.sync.batches import Taken
from rapport.errors import RetryLater
from rapport.vendors.destination import Batch, BatchRefused, Destination, Job, Result

LONGEST_WAIT = 30.0
PATIENCE = 3600.0


def send_all(
    destination: Destination, batches: Iterable[Taken], *, leavers: bool
) -> Iterator[tuple[Taken, list[Result]]]:
    """Each batch with its answers, as they arrive; `batches` runs in the caller's thread."""
    if destination.parallel == 1:
        for taken in batches:
            yield taken, send(destination, taken.batch, leavers=leavers)
        return
    source = iter(batches)
    failed: BaseException | None = None
    under_way: dict[Future[list[Result]], Taken] = {}
    with ThreadPoolExecutor(destination.parallel) as pool:
        while True:
            free = 0 if failed else destination.parallel - len(under_way)
            for taken in islice(source, free):
                under_way[pool.submit(send, destination, taken.batch, leavers=leavers)] = taken
            if not under_way:
                break
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                taken = under_way.pop(future)
                if error := future.exception():
                    failed = failed or error
                else:
                    yield taken, future.result()
    if failed is not None:
        raise failed


def send(destination: Destination, batch: Batch, *, leavers: bool) -> list[Result]:
    """One answer per person; a person without an answer was not accepted."""
    by_id = {result.customer_id: result for result in _answers(destination, batch, leavers)}
    return [
        by_id.get(
            person.customer_id,
            Result(person.customer_id, error="the destination gave no answer for this row"),
        )
        for person in batch.people
    ]


def _answers(destination: Destination, batch: Batch, leavers: bool) -> list[Result]:
    """The answers for a batch; a refused batch is halved until the bad rows stand alone."""
    try:
        answer = destination.remove(batch) if leavers else destination.upsert(batch)
        return list(_end_of(destination, answer, batch) if isinstance(answer, Job) else answer)
    except BatchRefused as error:
        if len(batch.people) == 1:
            return [Result(batch.people[0].customer_id, error=str(error))]
    middle = len(batch.people) // 2
    results: list[Result] = []
    for part, people in enumerate((batch.people[:middle], batch.people[middle:])):
        half = Batch(f"{batch.id}.{part}", batch.audience, people, batch.run_id, batch.as_of)
        results += _answers(destination, half, leavers)
    return results


def _end_of(destination: Destination, job: Job, batch: Batch) -> Sequence[Result]:
    wait, waited = 1.0, 0.0
    while waited < PATIENCE:
        results = destination.poll(job, batch)
        if results is not None:
            return results
        destination.sleep(wait)
        wait, waited = min(2 * wait, LONGEST_WAIT), waited + wait
    raise RetryLater(
        f"{destination.name}: a job is not done after {PATIENCE:.0f} s. Its people do not count as "
        "sent; the next run sends them again."
    )
