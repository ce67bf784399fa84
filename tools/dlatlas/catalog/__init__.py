"""The catalog: its records, the strict loader and the lint."""

from dlatlas.catalog.load import CatalogError, Problem, load
from dlatlas.catalog.model import Area, Catalog, Entry, Link, Method, Relation, Term, Topic

__all__ = ["Area", "Catalog", "CatalogError", "Entry", "Link", "Method", "Problem", "Relation", "Term", "Topic", "load"]
