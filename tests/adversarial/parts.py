"""The parts of the attack: each draws one ledger from its random numbers and says what did not hold."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.adversarial.against_model import added, changed, sound
from tests.adversarial.crossing import policies
from tests.adversarial.feeding import feeds
from tests.adversarial.trial import Trial

PARTS: dict[str, Callable[[Random, Trial], None]] = {
    "sound": sound,
    "changed": changed,
    "added": added,
    "policies": policies,
    "feeds": feeds,
}
