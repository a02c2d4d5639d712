"""A made-up company behind made-up vendors, so that Rapport can be tried without any account.

Everything in here is invented: people, addresses, numbers, orders, complaints.

>>> import rapport.sandbox
>>> callable(rapport.sandbox.ensure_running)
True
"""

from rapport.sandbox.company import Company, next_night, truth
from rapport.sandbox.lifecycle import (
    ensure_company,
    ensure_running,
    reset,
    running,
    sandbox_root,
    stop,
)

__all__ = [
    "Company",
    "ensure_company",
    "ensure_running",
    "next_night",
    "reset",
    "running",
    "sandbox_root",
    "stop",
    "truth",
]
