"""The report of a run that could not judge: in every format one that no reader takes for a pass."""

from __future__ import annotations

from interlock.escape import harmless
from interlock.reporting.outcomes import CaseReport
from interlock.reporting.style import json_lines

_TITLE = "could not judge"


def render_failure(form: str, message: str) -> str:
    """The report in a format of `FORMATS`: nothing was judged, and the message says why."""
    return _RENDERERS[form](message)


def _text(message: str) -> str:
    return f"error: {harmless(message, keep=chr(10))}\n"


def _json(message: str) -> str:
    """As `schemas/failure.schema.json` states it."""
    return json_lines([{"allow": None, "error": message}])


def _case(message: str) -> CaseReport:
    return CaseReport(_TITLE, "undecided", message)


def _junit(message: str) -> str:
    from interlock.reporting.junit import junit_document, suite_element

    return junit_document([suite_element("interlock", [_case(message)], {})])


def _tap(message: str) -> str:
    from interlock.reporting.tap import stream

    return stream([(f"interlock: {_TITLE}", _case(message))])


def _sarif(message: str) -> str:
    from interlock.reporting.sarif import sarif_document

    text = harmless(message, keep="\n")
    result = {"ruleId": _TITLE, "ruleIndex": 0, "level": "error", "message": {"text": text}}
    notification = {"level": "error", "message": {"text": text}}
    run = {"executionSuccessful": False, "toolExecutionNotifications": [notification]}
    rule = {"id": _TITLE, "shortDescription": {"text": "Nothing was judged."}}
    return sarif_document([rule], [], [result], invocations=[run])


def _github(message: str) -> str:
    from interlock.reporting.github import workflow_command

    return f"{workflow_command('error', {'title': f'interlock: {_TITLE}'}, message)}\n"


def _markdown(message: str) -> str:
    from interlock.reporting.markdown import prose

    lines = "".join(f"- {prose(line)}\n" for line in message.splitlines() if line.strip())
    return f"### interlock: {_TITLE}\n\n{lines}"


_RENDERERS = {
    "text": _text,
    "json": _json,
    "junit": _junit,
    "sarif": _sarif,
    "github": _github,
    "markdown": _markdown,
    "tap": _tap,
}
