"""The page Runs: the newest run, and the runs before it."""

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from rapport.pages import report
from rapport.pages.request import look_at_ledgers, show
from rapport.runs.ledgers import newest, newest_runs
from rapport.runs.overview import read_run

router = APIRouter()
# The file states its own policy, with the hashes of its two scripts.
OF_REPORT = "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"


@router.get("/")
def start(request: Request) -> RedirectResponse:
    """Open the page Runs."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/runs")


@router.get("/tonight")
def former_address(request: Request) -> RedirectResponse:
    """Redirect bookmarks of release 0.1, where the page was called Tonight."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/runs{query}")


@router.get("/runs")
def runs(request: Request, run: str | None = None) -> HTMLResponse:
    """Show the newest run, or the run whose id is given."""
    with look_at_ledgers(request) as connection:
        run_id = run or newest(connection)
        shown = read_run(connection, run_id) if run_id else None
        latest = newest_runs(connection)
    has_report = shown is not None and report.path_of(shown.run_id).is_file()
    return show(request, "runs.html", run=shown, runs=latest, has_report=has_report)


@router.get("/nights/{run_id}/report")  # the address in release 0.1
@router.get("/runs/{run_id}/report")
def report_of(request: Request, run_id: str) -> Response:
    """Return the report of a run, as it was written at the end of the run."""
    with look_at_ledgers(request) as connection:
        read_run(connection, run_id)
    path = report.path_of(run_id)
    if not path.is_file():
        raise HTTPException(404, "the report of this run is not on this machine")
    return FileResponse(
        path, media_type="text/html", headers={"Content-Security-Policy": OF_REPORT}
    )
