"""Transform: runs dbt in this process and publishes the tables that it built.

>>> from rapport.transform import build, publish
"""

from rapport.transform.dbt import build, invoke, variables
from rapport.transform.publish import publish

__all__ = ["build", "invoke", "publish", "variables"]
