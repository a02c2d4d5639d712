"""The examples in the sandbox's docstrings."""

import doctest
import importlib
import pkgutil

import pytest

import rapport_sandbox

MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages(rapport_sandbox.__path__, "rapport_sandbox.")
    if not info.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_are_true(name: str) -> None:
    module = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0
