"""Rules that the loader itself reports, and the generated schema."""

from __future__ import annotations

from collections.abc import Iterable

from dlatlas.catalog import schema
from dlatlas.catalog.lint.registry import Finding, loader_rule, rule
from dlatlas.catalog.load import Loaded

loader_rule("yaml-syntax", "The file is not UTF-8 or not YAML. Nothing in it can be checked until it is.")
loader_rule("yaml-repeated-key", "A key stands twice in one mapping. YAML would silently drop one of the two values.")
loader_rule(
    "schema", "A record has an unknown or missing key, or a value of the wrong kind, such as a number where a quoted string belongs."
)
loader_rule("duplicate-id", "Two records of one kind share an id. Ids are addresses: each must lead to one thing.")
loader_rule("missing-file", "areas.yml names a topic whose topic.yml does not exist.")
loader_rule("stray-file", "A YAML file stands where no area lists it, so nothing in it would ever be shown.")


@rule("schema-drift")
def schema_drift(loaded: Loaded) -> Iterable[Finding]:
    """The JSON Schema files for editors differ from the record types; `dlatlas lint --write-schema` writes them anew."""
    for name in schema.drifted(loaded.root):
        yield Finding("file", f"catalog/schema/{name}.json", "does not match the record types; run dlatlas lint --write-schema")
