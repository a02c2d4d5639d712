"""The two quality gates: the arrival gate after a load and the publication gate before publication.

A guard is a file in `expectations/` with a query, a gate and a function that returns Great
Expectations expectations. A gate that crashes counts as failed.

>>> run_gate("publication", run_id=run_id, as_of=as_of)  # doctest: +SKIP
{'passed': 41, 'failed': 0}
"""

from rapport.quality.gates import Guard, discover_guards, run_gate

__all__ = ["Guard", "discover_guards", "run_gate"]
