"""Reference implementations: one module a method, checked against independent oracles."""
