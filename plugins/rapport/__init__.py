"""Rapport: a customer data platform that lives in your own warehouse.

>>> import rapport
>>> rapport.__version__.count(".")
2
"""

__version__ = "0.2.0"
