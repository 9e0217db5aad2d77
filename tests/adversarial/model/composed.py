"""Gates that are made of others: autonomy, worker-set."""

from __future__ import annotations

from itertools import product

from tests.adversarial.model.autopilot import readiness
from tests.adversarial.model.docket import Allow, Answer, Params
from tests.adversarial.model.rows import Book
from tests.adversarial.model.seats import When
from tests.adversarial.model.smoke import smoke


def identities(book: Book, text: str) -> list[str]:
    """The ids of the tasks that a text may mean: the caller must name one if there are several."""
    return [row["id"] for row in book.tables["tasks"] if text in (row["id"], row["name"])]


def autonomy(book: Book, task: str, when: When, params: Params) -> Answer:
    proof, ready = smoke(book, task, when, params), readiness(book, task, when, params)
    found: set[Allow] = set()
    for one, other in product(proof.allow, ready.allow):
        whole = other or params["manual_poll"]
        found.add(None if None in (one, other) else bool(one and whole))
    return Answer(frozenset(found), why=" and ".join(filter(None, (proof.why, ready.why))))


def worker_set(book: Book, task: str, when: When, params: Params) -> Answer:
    """`tasks` are names or ids; one named twice counts once."""
    found: set[Allow] = set()
    named = dict.fromkeys(identity for each in params["tasks"] for identity in identities(book, each))
    proofs = [smoke(book, each, when, {**params, "smoke_id": None}) for each in named]
    for allows in product(*(proof.allow for proof in proofs)):
        found.add(None if None in allows else bool(allows) and all(allows))
    return Answer(frozenset(found), why=" and ".join(filter(None, (proof.why for proof in proofs))))
