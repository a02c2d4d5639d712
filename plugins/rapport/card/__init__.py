"""The customer card: who a customer is, what they did, are doing, and may do next.

>>> with connect() as connection:  # doctest: +SKIP
...     answer = look_up(connection, "anna@example.com", load_settings())
>>> answer.card.doing.products_not_bought[0].product_id  # doctest: +SKIP
'p_204'
"""

from rapport.card.models import Answer, Card
from rapport.card.read import look_up

__all__ = ["Answer", "Card", "look_up"]
