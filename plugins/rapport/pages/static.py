"""The few files that pages load, from this package and from nowhere else."""

from functools import cache

from fastapi import APIRouter, HTTPException, Response

from rapport.pages.rendering import STATIC

KINDS = {".css": "text/css", ".js": "text/javascript"}
FILES = {
    "rapport.css": STATIC / "rapport.css",
    "charts.js": STATIC / "charts.js",
    "uplot.js": STATIC / "vendor/uplot/uPlot.iife.min.js",
    "uplot.css": STATIC / "vendor/uplot/uPlot.min.css",
}
router = APIRouter()


@router.get("/static/{name}")
def file(name: str) -> Response:
    """One of the files above; a name that is not there is unknown, whatever it spells."""
    if name not in FILES:
        raise HTTPException(404)
    return Response(
        _content(name),
        media_type=f"{KINDS[FILES[name].suffix]}; charset=utf-8",
        headers={"Cache-Control": "private, max-age=3600"},
    )


@cache
def _content(name: str) -> bytes:
    return FILES[name].read_bytes()
