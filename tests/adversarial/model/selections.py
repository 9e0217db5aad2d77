"""Which receipts a gate reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tests.adversarial.model import stamps
from tests.adversarial.model.docket import Docket
from tests.adversarial.model.rows import MISSING, Book, Receipt
from tests.adversarial.model.seats import When

Test = Callable[[Receipt], bool | None]
"""Whether a receipt is meant; None where that cannot be read of it."""


def equal(value: Any, wanted: Any) -> bool | None:
    return None if value is MISSING else value == wanted


def both(*outcomes: bool | None) -> bool | None:
    if False in outcomes:
        return False
    return None if None in outcomes else True


def meant(book: Book, task: str | None, kinds: Iterable[str], when: When, test: Test) -> list[Receipt]:
    """The receipts of a task (of all where None) that are meant, or may be: those that cannot be read among them."""
    kinds = tuple(kinds)
    found = []
    for receipt in book.of_kinds(*kinds):
        mine = task is None or receipt.task_id == task
        if mine and not when.misses(receipt) and test(receipt) is not False:
            found.append(receipt)
    return found


def latest(receipts: list[Receipt], test: Test, docket: Docket, what: str) -> Receipt | None:
    """The newest by time, then by order of insertion. A receipt that may be the newest and cannot be read is noted."""
    dated = [receipt for receipt in receipts if receipt.at is not None]
    newest = max(dated, key=lambda receipt: (receipt.at, receipt.seq), default=None)
    broken = any(_may_be_newer(receipt, newest) for receipt in receipts if receipt.at is None)
    if broken or (newest is not None and (test(newest) is None or not newest.sound)):
        docket.unread.append(what)
    if newest is not None:
        docket.used.append(newest)
    return newest


def _may_be_newer(unread: Receipt, newest: Receipt | None) -> bool:
    """Whether a receipt whose time cannot be read may be newer: neither by what it says, nor by its place, older."""
    if newest is None or newest.at is None:
        return True
    return unread.seq > newest.seq and (unread.near is None or unread.near[1] >= newest.at)


def proved_since(later: Receipt, earlier: Receipt, *, equal_counts: bool) -> set[bool]:
    """Whether a receipt was written after another, or with it where that counts. Both values where only the order of
    insertion can decide, and it says so.
    """
    assert later.at is not None
    assert earlier.at is not None
    found = set[bool]()
    for open_ in stamps.unordered(later.at, earlier.at):
        if open_:
            found |= {True, False} if later.seq > earlier.seq else {False}
        else:
            found.add(later.at >= earlier.at if equal_counts else later.at > earlier.at)
    return found
