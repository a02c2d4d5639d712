"""Writes what is installed, with hashes, as CycloneDX: made of requirements.lock.

python .ci/sbom.py var/sbom.json
"""

import sys
import tomllib
from pathlib import Path

from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    XsUri,
)
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from pip_requirements_parser import RequirementsFile

ROOT = Path(__file__).resolve().parent.parent


def bill(lock: Path, project: Path) -> Bom:
    """A component for each locked package; its hashes are those that pip checks."""
    about = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    made = Bom()
    made.metadata.component = Component(
        name=about["name"], version=about["version"], type=ComponentType.APPLICATION
    )
    for wanted in RequirementsFile.from_file(str(lock)).requirements:
        version = wanted.get_pinned_version
        address = PackageURL("pypi", None, wanted.name, version)
        made.components.add(
            Component(
                name=wanted.name, version=version, type=ComponentType.LIBRARY, purl=address,
                bom_ref=str(address), external_references=[
                    ExternalReference(
                        type=ExternalReferenceType.DISTRIBUTION,
                        url=XsUri(f"https://pypi.org/simple/{wanted.name}/"),
                        hashes=[
                            HashType(
                                alg=HashAlgorithm.SHA_256,
                                content=option.rpartition(":")[2],
                            )
                            for option in wanted.hash_options
                        ],
                    )
                ],
            )
        )  # fmt: skip
    return made


if __name__ == "__main__":
    text = JsonV1Dot6(bill(ROOT / "requirements.lock", ROOT / "pyproject.toml"))
    Path(sys.argv[1]).write_text(text.output_as_string(indent=2), encoding="utf-8")
