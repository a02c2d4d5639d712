"""Writes the digest of each base image behind its tag, in Dockerfile and docker-compose.yml.

A tag may be moved to another image, a digest cannot. The registry is asked for the index, which
holds the image of every platform.

python .ci/images.py            # asks Docker Hub and writes
python .ci/images.py --check    # says which image has no digest
"""

import re
import sys
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
FILES = ("Dockerfile", "docker-compose.yml")
IMAGE = re.compile(
    r"^(?P<head>FROM +|\s+image: +)(?P<name>[a-z]+):(?P<tag>[\w.-]+)"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?$",
    re.MULTILINE,
)
OURS = "rapport"
TOKEN = "https://auth.docker.io/token"  # noqa: S105, an address
REGISTRY = "https://registry-1.docker.io/v2"
INDEX = (
    "application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json"
)


def found(text: str) -> list[re.Match[str]]:
    """The images of others that a file names."""
    return [image for image in IMAGE.finditer(text) if image["name"] != OURS]


def unpinned(root: Path) -> list[str]:
    """The images that have no digest, as name:tag."""
    images = [image for file in FILES for image in found((root / file).read_text("utf-8"))]
    return [f"{image['name']}:{image['tag']}" for image in images if image["digest"] is None]


def digest(client: httpx.Client, name: str, tag: str) -> str:
    """The digest that the registry gives a tag now; raises `httpx.HTTPError`."""
    scope = f"repository:library/{name}:pull"
    asked = client.get(TOKEN, params={"service": "registry.docker.io", "scope": scope})
    token = asked.raise_for_status().json()["token"]
    answer = client.head(
        f"{REGISTRY}/library/{name}/manifests/{tag}",
        headers={"Authorization": f"Bearer {token}", "Accept": INDEX},
    )
    return str(answer.raise_for_status().headers["Docker-Content-Digest"])


def pin(root: Path, client: httpx.Client) -> None:
    """Write every digest; where one cannot be had nothing is written."""
    written = {}
    for file in FILES:
        text = (root / file).read_text("utf-8")
        for image in reversed(found(text)):
            name, tag = image["name"], image["tag"]
            pinned = f"{image['head']}{name}:{tag}@{digest(client, name, tag)}"
            text = text[: image.start()] + pinned + text[image.end() :]
        written[file] = text
    for file, text in written.items():
        (root / file).write_text(text, "utf-8")


def main(arguments: list[str]) -> int:
    """The exit code."""
    if "--check" not in arguments:
        try:
            with httpx.Client(timeout=20) as client:
                pin(ROOT, client)
        except (httpx.HTTPError, KeyError, ValueError) as error:
            print(f"images: nothing written, the registry: {type(error).__name__}", file=sys.stderr)
            return 1
    if missing := unpinned(ROOT):
        print(
            f"images: no digest for {', '.join(missing)}. `make images` writes it, where the "
            "registry can be reached.",
            file=sys.stderr,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
