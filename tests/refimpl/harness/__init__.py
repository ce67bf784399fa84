"""The generic tests' parts: what a case is, how results are compared, where cases are found."""
