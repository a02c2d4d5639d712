"""Zoho CRM: contacts, leads, accounts, deals and cases, also converted, merged and deleted ones.

https://www.zoho.com/crm/developer/docs/api/v8/get-records.html

Lists come in the order of Modified_Time, starting at `If-Modified-Since`. A list leaves out
converted leads unless both kinds are requested, and it never returns deleted records. So each run
reads the whole list of deleted records, and each is stored as `{id, deleted_time, …}`, a newer
version of the same record. A page costs one of the account's credits of 24 hours.

Assumed, where the documentation is silent: `If-Modified-Since` can be combined with `sort_by`; an
unknown name in `fields` is ignored; the list of deleted records includes merged ones; a restored
record has a new Modified_Time.

>>> [stream.name for stream in Zoho().streams()]
['contacts', 'leads', 'accounts', 'deals', 'cases']
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from rapport.connectors.zoho import VENDOR
from rapport.connectors.zoho.client import (
    DATA,
    MOST_FIELDS,
    Crm,
    moment,
    open_crm,
    refuse_unknown_fields,
    stamp_of,
)
from rapport.errors import ConfigError, GiveUp
from rapport.vendors.connections import Connection
from rapport.vendors.custom_fields import paths_of
from rapport.vendors.http import Client
from rapport.vendors.options import validated
from rapport.vendors.source import Page, Position, Source, Stream

MODULES = {
    "contacts": (
        "Contacts",
        "First_Name Last_Name Email Secondary_Email Phone Mobile Title Date_of_Birth"
        " Mailing_Street Mailing_Zip Mailing_City Mailing_State Mailing_Country Account_Name"
        " Lead_Source Email_Opt_Out Unsubscribed_Time",
    ),
    "leads": (
        "Leads",
        "First_Name Last_Name Email Secondary_Email Phone Mobile Designation Company Website"
        " Street Zip_Code City State Country Lead_Source Lead_Status Email_Opt_Out"
        " Unsubscribed_Time Converted__s Converted_Contact Converted_Account Converted_Date_Time",
    ),
    "accounts": ("Accounts", "Account_Name Website Industry Employees Billing_Country"),
    "deals": (
        "Deals",
        "Deal_Name Account_Name Contact_Name Stage Pipeline Amount Currency Closing_Date",
    ),
    "cases": (
        "Cases",
        "Case_Number Subject Status Priority Case_Origin Related_To Account_Name Email Owner",
    ),
}
ALWAYS = "id Created_Time Modified_Time"


class Options(BaseModel):
    """The block `sources.zoho` of rapport.yml."""

    model_config = ConfigDict(extra="forbid")

    fields: dict[str, list[str]] = {}
    custom_fields: Any = None
    default_region: Any = None


@dataclass(frozen=True, kw_only=True)
class Module(Stream):
    """One module. The position is {"cursor"}, the last Modified_Time."""

    module: str
    wanted: Sequence[str]
    needed: Sequence[str]
    counted: str | None = "Created_Time"
    lag: timedelta = timedelta(hours=1)

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        assert isinstance(client, Crm)
        refuse_unknown_fields(client, self.module, self.needed, self._complaint)
        since = self.since(position)
        assert not isinstance(since, int)
        for records in client.walk(self.module, self.wanted, since):
            reached = min(stamp_of(records[-1]), as_of)
            yield Page(records, position={"cursor": reached.isoformat()})
        for records in client.deleted(self.module):
            yield Page(records)

    def count(self, client: Client, start: datetime, end: datetime) -> int | None:
        """Zoho's count by time of creation, without deleted records."""
        after = f"(Created_Time:greater_equal:{moment(start)})"
        criteria = f"({after}and(Created_Time:less_than:{moment(end)}))"
        path = f"{DATA}/{self.module}/actions/count"
        return int(client.json("GET", path, params={"criteria": criteria})["count"])

    def _complaint(self, missing: str) -> GiveUp:
        return GiveUp(
            f"zoho {self.name}: the login sees no field {missing}. Correct rapport.yml, or let the "
            "app's user see it."
        )


class Zoho(Source):
    """Option `fields`: further fields by API name, `{contacts: [Tier]}`. Those of `custom_fields`
    are loaded automatically. A custom field with the name `user_id` is the id of the user in the
    app.
    """

    vendor = VENDOR

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(options)
        self.chosen = validated(Options, self.options, self.name)

    def streams(self) -> Sequence[Stream]:
        streams = []
        for name, (module, fields) in MODULES.items():
            needed = [*self.chosen.fields.get(name, ()), *paths_of(self.options, name)]
            own = [path.partition(".")[0] for path in needed]
            wanted = list(dict.fromkeys(f"{ALWAYS} {fields}".split() + own))
            if len(wanted) > MOST_FIELDS:
                raise ConfigError(
                    f"rapport.yml: sources.zoho: {len(wanted)} fields of {name}, and Zoho lists at "
                    f"most {MOST_FIELDS}."
                )
            streams.append(Module(name=name, module=module, wanted=wanted, needed=needed))
        return streams

    def client(self, connection: Connection) -> Client:
        return open_crm(connection)
