"""The command line: `rapport --help`.

Each module in this folder registers its own commands, so that adding one touches no other file.
"""

import gc
import importlib
import pkgutil
import sys

import typer
from dotenv import load_dotenv

from rapport.demo import register_commands
from rapport.errors import RapportError
from rapport.paths import project_root

application = typer.Typer(
    name="rapport",
    help="A customer data platform in your own warehouse.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
    register = getattr(importlib.import_module(f"{__name__}.{module}"), "register", None)
    if register is not None:
        register(application)
register_commands(application)


def app() -> None:
    """Run the command line; an expected error is one line on stderr and exit code 1.

    Variables of the project's `.env` are set where the environment does not set them already.
    """
    load_dotenv(project_root() / ".env")
    # Most of what a night makes are modules that stay: to look through them for garbage again and
    # again took 7 of its 85 seconds.
    gc.set_threshold(50_000, 20, 20)
    try:
        application()
    except RapportError as error:
        typer.secho(f"{type(error).__name__}: {error}", fg=typer.colors.RED, err=True)
        sys.exit(1)
