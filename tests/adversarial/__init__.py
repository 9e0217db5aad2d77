"""Attacks on the gates: random ledgers against a second implementation, corrupted rows, random policies.

    python -m tests.adversarial --cases 200000 --seed 7 --jobs 2

A case is one question put to one ledger. Everything is drawn from the seed, so a difference is found again by the
command that its report prints. `model` decides the shipped gates in plain Python over raw rows and imports nothing of
interlock.
"""
