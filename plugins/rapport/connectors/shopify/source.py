"""Shopify: customers and orders by GraphQL, in the order of their last change.

https://shopify.dev/docs/api/admin-graphql

Paging ends at 25,000 objects, so well before that a new query starts at the last change that was
seen. Shopify refuses a query that costs too much at the moment in the body, with status 200; the
client waits and tries again. Deleted customers disappear without an update; the sweep finds them by
their ids. Orders are not swept: without the scope read_all_orders, orders older than 60 days are
hidden, although they still exist.

Assumed, where the documentation is silent: the search shows a change within the hour (`lag`), and
`updated_at:>=` has a resolution of one second. Only the first ten lines of an order are read.

>>> [stream.name for stream in Shopify().streams()]
['customers', 'orders']
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from rapport.connectors.shopify import VENDOR
from rapport.errors import GiveUp
from rapport.vendors.connections import Connection, base_url
from rapport.vendors.http import Answer, Client
from rapport.vendors.paging import PageTokens
from rapport.vendors.source import Page, Position, Source, Stream

VERSION = "2026-07"
PATH = f"/admin/api/{VERSION}/graphql.json"
LARGEST_PAGE, LARGEST_LIST = 50, 250
FURTHEST, END_OF_PAGING = 20_000, 25_000
THROTTLED = b'"THROTTLED"'
QUERY = """
query pull($first: Int!, $after: String, $query: String) {
  %(name)s(first: $first, after: $after, query: $query, sortKey: %(sort)s) {
    nodes { %(fields)s }
    pageInfo { hasNextPage endCursor }
  }
}
"""
CUSTOMER = """
id createdAt updatedAt firstName lastName locale numberOfOrders state tags
defaultEmailAddress { emailAddress marketingState marketingUpdatedAt }
defaultPhoneNumber { phoneNumber }
defaultAddress { address1 zip city province provinceCode countryCodeV2 company }
"""
ORDER = """
id name createdAt updatedAt processedAt cancelledAt displayFinancialStatus currencyCode
currentTotalPriceSet { shopMoney { amount currencyCode } }
totalPriceSet { shopMoney { amount currencyCode } }
customer { id }
lineItems(first: 10) { nodes { quantity title product { id productType } } }
"""


class PageInfo(msgspec.Struct):
    hasNextPage: bool  # noqa: N815 - the vendor's name
    endCursor: str | None = None  # noqa: N815 - the vendor's name


class Nodes(msgspec.Struct):
    nodes: list[msgspec.Raw]
    pageInfo: PageInfo  # noqa: N815 - the vendor's name


class Extensions(msgspec.Struct):
    code: str = ""


class Error(msgspec.Struct):
    message: str = ""
    extensions: Extensions = msgspec.field(default_factory=Extensions)


class Found(msgspec.Struct):
    data: dict[str, Nodes] | None = None
    errors: list[Error] = []


@dataclass(frozen=True, kw_only=True)
class Objects(Stream):
    """One kind of object, in the order of the last change."""

    fields: str
    cursor: str | None = "updatedAt"
    lag: timedelta = timedelta(hours=1)
    ordered: bool = True

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        since = self.since(position)
        start = since if isinstance(since, datetime) else datetime(1970, 1, 1, tzinfo=UTC)
        tokens, after, seen, last = PageTokens(f"{client.name} {self.name}"), None, 0, start
        while True:
            query = f"updated_at:>='{start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'"
            found = self._ask(client, self.fields, "UPDATED_AT", query, after, LARGEST_PAGE)
            yield Page(found.nodes)
            times = [self.read_key(node).cursor for node in found.nodes]
            last = max([last, *(time for time in times if isinstance(time, datetime))])
            seen += len(found.nodes)
            if seen >= END_OF_PAGING:
                raise GiveUp(
                    f"{client.name} {self.name}: {seen} objects changed in one second, more than "
                    "paging reaches. Export these by a bulk operation of the vendor's."
                )
            if not found.pageInfo.hasNextPage:
                return
            after = tokens.check(found.pageInfo.endCursor or "")
            if seen >= FURTHEST and last > start:
                start, after, seen = last, None, 0
                tokens = PageTokens(tokens.where)

    def live_keys(self, client: Client) -> Iterator[Sequence[str]]:
        """Every id, in ascending order, with a new query for each page."""
        highest = 0
        while True:
            found = self._ask(client, "id", "ID", f"id:>{highest}", None, LARGEST_LIST)
            keys = [self.read_key(node).key for node in found.nodes]
            yield keys
            if not found.pageInfo.hasNextPage:
                return
            reached = max((int(key.rpartition("/")[2]) for key in keys), default=0)
            if reached <= highest:
                raise GiveUp(f"{client.name} {self.name}: pagination loop after id {highest}.")
            highest = reached

    def _ask(
        self, client: Client, fields: str, sort: str, query: str, after: str | None, first: int
    ) -> Nodes:
        text = QUERY % {"name": self.name, "sort": sort, "fields": " ".join(fields.split())}
        variables: dict[str, Any] = {"first": first, "after": after, "query": query}
        body = {"query": text, "variables": variables}
        found = client.json("POST", PATH, json=body, type=Found)
        if found.data is None or self.name not in found.data:
            codes = ", ".join(sorted({error.extensions.code for error in found.errors})) or "none"
            raise GiveUp(
                f"{client.name} {self.name}: status 200 without data, codes: {codes}. Check what "
                f'the token of connection "{client.name}" may do, and that {VERSION} is supported.'
            )
        nodes: Nodes = found.data[self.name]
        return nodes


def is_throttled(answer: Answer) -> bool:
    """Whether the query was refused for its cost, regardless of the status."""
    return THROTTLED in answer.content and b'"errors"' in answer.content


class Shopify(Source):
    """Shop."""

    vendor = VENDOR

    def streams(self) -> Sequence[Stream]:
        return [
            Objects(name="customers", fields=CUSTOMER, sweep=True),
            Objects(name="orders", fields=ORDER),
        ]

    def client(self, connection: Connection) -> Client:
        return Client(
            base_url(connection),
            name=connection.name,
            headers={"X-Shopify-Access-Token": connection.password},
            is_throttled=is_throttled,
        )
