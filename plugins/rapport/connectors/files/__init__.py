"""Files of your own, a source and a destination."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="files",
    title="Files",
    kind="records",
    documentation="https://www.rfc-editor.org/rfc/rfc4180",
    id_rank=1,
    is_keyed_by_contacts=True,
)
