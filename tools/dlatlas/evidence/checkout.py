"""Import modules of a checkout, and be sure that they come from there."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

from dlatlas.evidence.store import module_path


class CheckoutError(ImportError):
    """A module is not in the checkout, or another one of its name was imported instead."""


def import_from(root: Path, name: str) -> ModuleType:
    """The module ``name`` of ``refimpl`` or ``tests`` of the checkout at ``root``.

    Raises:
        CheckoutError: the checkout has no such module, or Python finds another one of the same name.
    """
    path = module_path(root, name)
    if path is None:
        raise CheckoutError(f"{root} has no module {name}; expected a checkout with refimpl/ and tests/")
    if name.split(".")[0] not in sys.modules:
        sys.path.insert(0, str(root))
    module = importlib.import_module(name)
    if not module.__file__ or not path.samefile(module.__file__):
        raise CheckoutError(f"{name} was imported from {module.__file__}, not from {path}")
    return module
