"""The condition language: a typed subset of CEL, and its three readers (SQL, ruleset tests, Python values)."""
