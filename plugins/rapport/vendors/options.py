"""The options of a connector, checked by a pydantic model.

>>> class Options(BaseModel):
...     start: int
>>> validated(Options, {"start": "soon"}, "postbox")
Traceback (most recent call last):
rapport.errors.ConfigError: rapport.yml: sources.postbox.start: Input should be a valid integer, \
unable to parse string as an integer.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from rapport.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)


def validated(
    model: type[Model],
    options: Mapping[str, Any],
    name: str,
    block: Literal["sources", "destinations"] = "sources",
) -> Model:
    """The options of a connector as its model; raises `ConfigError` with a line per complaint."""
    try:
        return model.model_validate(options)
    except ValidationError as error:
        raise ConfigError(
            "\n".join(
                f"rapport.yml: {'.'.join([block, name, *_written(model, detail['loc'])])}: "
                f"{detail['msg'].removeprefix('Value error, ').removesuffix('.')}."
                for detail in error.errors(include_url=False)
            )
        ) from None


def _written(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """A place in a model as it is written in the file: a field may have another name there."""
    first, *rest = place or ("",)
    field = model.model_fields.get(str(first))
    return [str(part) for part in ((field and field.alias) or first, *rest) if place]
