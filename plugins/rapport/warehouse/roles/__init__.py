"""The roles of the warehouse: what `roles.yml` declares, and what the catalogue of Postgres has.

>>> sorted(declared()["bi_reader"].schemas)
['marts']
"""

from rapport.warehouse.roles.declaration import Role, declared
from rapport.warehouse.roles.grants import Grant, apply, granted, undeclared, wanted
from rapport.warehouse.roles.logins import make_login
from rapport.warehouse.roles.membership import can_take, exists, session_options
from rapport.warehouse.roles.sessions import end_overlong

__all__ = [
    "Grant", "Role", "apply", "can_take", "declared", "end_overlong", "exists", "granted",
    "make_login", "session_options", "undeclared", "wanted",
]  # fmt: skip
