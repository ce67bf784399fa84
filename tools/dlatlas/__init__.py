"""The Deep Learning Atlas: catalog, search, link checker and site generator."""

from dlatlas.catalog import Catalog, Entry, Method, Topic, load

__version__ = "0.1.0"
__all__ = ["Catalog", "Entry", "Method", "Topic", "__version__", "load"]
