"""Vendors' tokens are in no backup, and a restore keeps those of today."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rapport.operations.backup import backup, restore
from rapport.warehouse import data_folder
from rapport.warehouse.vendor_tokens import VendorTokens

AT = datetime(2026, 3, 31, 12, tzinfo=UTC)


def test_a_backup_holds_no_token_and_a_restore_keeps_the_newest(
    warehouse: Any, tmp_path: Path
) -> None:
    tokens = VendorTokens("postbox", "first-canary")
    with tokens.turn() as kept:
        kept.intend("second-canary")
    file = backup(at=AT, folder=tmp_path)
    program = str(data_folder.package() / "bin" / "pg_restore")
    said = subprocess.run([program, "--file=-", str(file)], capture_output=True, check=True)
    assert b"vendor_tokens" in said.stdout
    assert b"canary" not in said.stdout
    with tokens.turn() as kept:
        kept.intend("third-canary")
    restore(file, at=AT)
    assert tokens.read().refresh_token == "third-canary"
    assert tokens.read().is_in_doubt
    assert "canary" not in repr(tokens.read())
