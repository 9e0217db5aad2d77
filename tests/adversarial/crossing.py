"""Random policies over random ledgers with a corrupted receipt in them, compared with the same ledgers without it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import interlock
from interlock import request
from tests.adversarial.against_model import beside, written
from tests.adversarial.asking import clock
from tests.adversarial.corrupting import corrupt
from tests.adversarial.drawing import Drawn, draw
from tests.adversarial.model import stamps
from tests.adversarial.sensitive import sensitive
from tests.adversarial.trial import Trial
from tests.helpers.policies import PEER, RECEIPTS, TASK, Generated, policy
from tests.property.test_validity_random import facts


def policies(random: Random, trial: Trial) -> None:
    """A random policy allows nothing for a receipt that cannot be read, and no question of it ends in an error."""
    drawn = draw(random)
    made = cross(random, trial.folder)
    if made is None:
        return
    suited(random, drawn, made)
    found = corrupt(random, drawn, add=True, invalid=True, kinds=made.kinds)
    path = trial.path()
    if found is None or not written(path, found):
        return
    ledger, alone = trial.opened(path, found), beside(trial, found)
    for instant, live in moments(random, drawn, made.made):
        task = drawn.tasks[0][1] if random.random() < 0.8 else random.choice(drawn.tasks)[1]
        about = (made.made.text, made.made.arguments, found, f"{task!r} {stamps.write(instant, 6)} live: {live}")
        ask = partial(made.ask, task=task, instant=instant, live=live)
        clean = trial.decided(ask, alone, *about)
        decision = trial.decided(ask, ledger, *about)
        if decision is not None and decision.allow and not (clean is not None and clean.allow):
            trial.failed("a policy allows with it alone", *about, decision, clean)
        change = None if decision is None or not live else decision.next_change
        if change is not None and change.allow:
            later = trial.decided(partial(ask, instant=stamps.read(change.at) or 0), alone, *about)
            if later is None or not later.allow:
                trial.failed("a policy is to allow later with it alone", *about, decision, later)
    for each in (ledger, alone):
        if each is not None:
            each.close()


@dataclass(frozen=True)
class Cross:
    """A random policy in a file, the parameters that it is given, and the kinds of receipts that it reads."""

    path: Path
    made: Generated
    kinds: tuple[str, ...]

    def ask(self, ledger: interlock.Ledger, *, task: str, instant: int, live: bool) -> interlock.Decision:
        at = None if live else stamps.write(instant, 6)
        with clock(instant):
            return interlock.evaluate(self.path, ledger=ledger, task=task, at=at, params=self.made.arguments)


def cross(random: Random, folder: Path) -> Cross | None:
    """A random policy; None where the language refuses it."""
    made = sensitive(random) if random.random() < 0.6 else policy(random)
    path = folder / "random.yaml"
    path.write_text(made.text, encoding="utf-8")
    (folder / "peer.yaml").write_text(PEER.lstrip(), encoding="utf-8")
    kinds = tuple(kind for kind in RECEIPTS if re.search(rf'"{kind}"', made.text))
    request._libraries.clear()
    try:
        request.library().load(path)
    except interlock.PolicyError:
        return None
    return Cross(path, made, kinds)


def moments(random: Random, drawn: Drawn, made: Generated) -> list[tuple[int, bool]]:
    """Instants at which something may turn, and whether each is the clock's own."""
    found = []
    for _ in range(4):
        near = random.choice((*made.pool.instants, random.choice(drawn.instants)))
        instant = near + random.choice((0, 1, -1, *made.pool.durations[:2]))
        found.append((max(0, min(instant, (1 << 53) - 1)), random.random() < 0.5))
    return found


def suited(random: Random, drawn: Drawn, made: Cross) -> None:
    """Give the ledger sound receipts of the kinds that the policy reads, and few others."""
    rows = [row for row in drawn.tables["telemetry_events"] if random.random() < 0.1]
    seqs = {row["rowid"] for row in rows}
    own = ("id", "seq", "task", "at", "kind", "actor", "severity", "summary", "correlation", "attributes")
    for fact in facts(random, list(made.kinds), made.made):
        if "actor" not in fact:
            continue  # an entity has none, and stands in a table of its own
        seq = next(seq for seq in range(1, len(seqs) + 2) if seq not in seqs)
        seqs.add(seq)
        lifted = {name: value for name, value in fact.items() if name not in own}
        row = {"rowid": seq, "id": f"fact-{seq}", "task_id": drawn.tasks[0][0] if fact["task"] == TASK else None}
        row |= {"timestamp": fact["at"], "event_type": fact["kind"], "actor": fact["actor"]}
        row |= {"severity": fact["severity"], "summary": fact["summary"]}
        row["correlation_json"] = json.dumps(fact["correlation"])
        row["attributes_json"] = json.dumps(lifted | fact.get("attributes", {}))
        rows.append(row)
    drawn.tables["telemetry_events"] = rows
