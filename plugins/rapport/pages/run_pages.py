"""Tonight, and the nights before."""

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from rapport.pages import report
from rapport.pages.request import look_at_ledgers, show
from rapport.runs.read_model import newest, nights, read_night

router = APIRouter()
# The file states its own policy, with the hashes of its two scripts.
OF_REPORT = "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"


@router.get("/")
def start(request: Request) -> RedirectResponse:
    """Tonight comes first."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/tonight")


@router.get("/tonight")
def tonight(request: Request, run: str | None = None) -> HTMLResponse:
    """The newest night, or the one that is asked for."""
    with look_at_ledgers(request) as connection:
        run_id = run or newest(connection)
        night = read_night(connection, run_id) if run_id else None
        before = nights(connection)
    has_report = night is not None and report.path_of(night.run_id).is_file()
    return show(request, "tonight.html", night=night, nights=before, has_report=has_report)


@router.get("/nights/{run_id}/report")
def report_of(request: Request, run_id: str) -> Response:
    """The report of a night, as it was written when the night ended."""
    with look_at_ledgers(request) as connection:
        read_night(connection, run_id)
    path = report.path_of(run_id)
    if not path.is_file():
        raise HTTPException(404, "this night's report is not on this machine")
    return FileResponse(
        path, media_type="text/html", headers={"Content-Security-Policy": OF_REPORT}
    )
