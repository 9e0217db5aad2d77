"""The steps of `.ci/run` as tasks: `nox -l` lists them, `nox -s lint types` runs two.

`.ci/run` makes the environments, so nox makes none. To run all of them, `bash .ci/run` is faster: it makes each once.
"""

from __future__ import annotations

import nox

nox.options.default_venv_backend = "none"


def _step(session: nox.Session) -> None:
    session.run("bash", ".ci/run", session.name, external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and format: ruff."""
    _step(session)


@nox.session
def types(session: nox.Session) -> None:
    """Types: mypy."""
    _step(session)


@nox.session
def imports(session: nox.Session) -> None:
    """The layers of the package: import-linter."""
    _step(session)


@nox.session
def docs(session: nox.Session) -> None:
    """The site of the documents: MkDocs."""
    _step(session)


@nox.session
def tests(session: nox.Session) -> None:
    """Every test on the oldest Python, and most of them on each newer one."""
    _step(session)


@nox.session
def wheel(session: nox.Session) -> None:
    """The wheel, installed in an empty environment."""
    _step(session)


@nox.session
def conformance(session: nox.Session) -> None:
    """The answers of the real Agent Conveyor."""
    _step(session)


@nox.session
def lowest(session: nox.Session) -> None:
    """The lowest versions of every dependency, with coverage."""
    _step(session)
