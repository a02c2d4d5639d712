"""Transform: dbt in this process, and the publication of what it built.

>>> from rapport.transform import build, publish
"""

from rapport.transform.dbt import build, invoke, variables
from rapport.transform.publish import publish

__all__ = ["build", "invoke", "publish", "variables"]
