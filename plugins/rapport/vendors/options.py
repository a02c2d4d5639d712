"""The options of a connector, checked by a pydantic model."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from rapport.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], options: Mapping[str, Any], source: str) -> Model:
    """The options of a source as its model; raises `ConfigError` with a line per complaint."""
    try:
        return model.model_validate(options)
    except ValidationError as error:
        raise ConfigError(
            "\n".join(
                f"rapport.yml: sources.{source}.{'.'.join(map(str, detail['loc']))}: "
                f"{detail['msg'].removeprefix('Value error, ')}."
                for detail in error.errors(include_url=False)
            )
        ) from None
