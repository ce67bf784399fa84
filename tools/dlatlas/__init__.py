"""The Deep Learning Atlas: catalog, search, link checker and site generator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlatlas.catalog import Catalog, Entry, Method, Topic, load

__version__ = "0.1.0"
__all__ = ["Catalog", "Entry", "Method", "Topic", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """Import the catalog's classes on first use, so that the command starts fast."""
    if name in __all__:
        import dlatlas.catalog

        return getattr(dlatlas.catalog, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
