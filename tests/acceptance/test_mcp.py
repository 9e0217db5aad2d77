"""`interlock mcp`, asked by the protocol's own client."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult

import interlock as api
from interlock.mcp_server import TOOLS, server
from interlock.request import Request
from tests.acceptance.conftest import Interlock

AT = "2026-06-22T09:20:00Z"
ASKED = {"policy": "smoke", "task": "checkout-refactor", "at": AT}


def told(ledger: Path, ask: Callable[[Client], Awaitable[Any]], settable: tuple[str, ...] = (), **how: Any) -> Any:
    async def talk() -> Any:
        async with Client(server(Request(ledger=api.open_ledger(ledger), **how), settable)) as client:
            return await ask(client)

    return asyncio.run(talk())


def called(
    ledger: Path, name: str, question: dict[str, Any], settable: tuple[str, ...] = (), **how: Any
) -> CallToolResult:
    found: CallToolResult = told(ledger, lambda client: client.call_tool(name, question), settable, **how)
    return found


def test_the_tools_only_read_and_say_what_they_take_and_give(story_path: Path) -> None:
    tools = told(story_path, lambda client: client.list_tools()).tools
    assert [tool.name for tool in tools] == list(TOOLS) == ["evaluate", "explain", "unblock"]
    for tool in tools:
        assert tool.annotations.read_only_hint
        assert tool.input_schema["additionalProperties"] is False
        Draft202012Validator.check_schema(tool.input_schema)
        Draft202012Validator.check_schema(tool.output_schema)


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_gives_what_its_schema_says(story_path: Path, name: str) -> None:
    answer = called(story_path, name, ASKED)
    assert not answer.is_error
    assert json.loads(answer.content[0].text) == answer.structured_content  # type: ignore[union-attr]
    (tool,) = [each for each in told(story_path, lambda c: c.list_tools()).tools if each.name == name]
    Draft202012Validator(tool.output_schema).validate(answer.structured_content)


def test_a_decision_is_the_one_that_python_gets(story_path: Path) -> None:
    params = {"stale_after": "10m"}
    answer = called(story_path, "evaluate", {**ASKED, "params": params}, ("stale_after",)).structured_content
    assert answer["params"]["stale_after"] == {"value": "10m", "origin": "mcp"}
    same = api.evaluate("smoke", ledger=story_path, task="checkout-refactor", at=AT, params=params)
    assert (answer["allow"], answer["state"]) == (True, "proved") == (same.allow, same.state)
    assert called(story_path, "evaluate", ASKED).structured_content["allow"] is False


def test_a_rule_that_did_not_fire_is_explained_on_demand(story_path: Path) -> None:
    answer = called(story_path, "explain", {**ASKED, "rule": "not-sent"}).structured_content
    assert [(rule["rule"], rule["fired"]) for rule in answer["rules"]] == [("not-sent", 0)]


REFUSED = [
    ("evaluate", {"policy": "smok"}, "unknown policy `smok`; did you mean `smoke`?"),
    ("evaluate", {"policy": "gates/own.yaml"}, "`gates/own.yaml` is a path; name a policy by its id"),
    ("evaluate", {"policy": "own.yaml"}, "`own.yaml` is a path; name a policy by its id"),
    ("evaluate", {"task": "checkout"}, "unknown task `checkout`; did you mean `checkout-refactor`? `interlock tasks`"),
    ("evaluate", {"parms": {}}, "invalid arguments for `evaluate`: "),
    ("evaluate", {"rule": "not-sent"}, "invalid arguments for `evaluate`: "),
    ("evaluate", {"params": {"stale": "1m"}}, "this server does not let callers set `stale`: it lets callers set none"),
    ("unblock", {"params": {"stale_after": "1m"}}, "this server does not let callers set `stale_after`"),
    ("explain", {"rule": "not-snt"}, "policy `smoke` has no rule `not-snt`; did you mean `not-sent`?"),
    ("unblock", {"at": "tomorrow"}, "`tomorrow` is not an instant"),
    ("evaluat", {}, "unknown tool `evaluat`; did you mean `evaluate`?"),
    ("banana", {}, "unknown tool `banana`; there is evaluate, explain, unblock"),
]


@pytest.mark.parametrize(("name", "question", "message"), REFUSED, ids=[message for *_, message in REFUSED])
def test_what_is_asked_wrongly_is_told(story_path: Path, name: str, question: dict[str, Any], message: str) -> None:
    answer = called(story_path, name, {**ASKED, **question})
    assert answer.is_error
    assert answer.structured_content is None
    assert answer.content[0].text.startswith(message)  # type: ignore[union-attr]


def test_ways_around_a_gate_are_given_to_an_agent_only_where_it_asks(story_path: Path) -> None:
    question = {"policy": "smoke", "task": "checkout-refactor", "at": "2026-06-22T09:00:30Z"}
    usual = called(story_path, "unblock", question).structured_content
    assert usual["without_proof"] == []
    assert [plan["state"] for plan in usual["plans"]] == ["proved"]
    asked = called(story_path, "unblock", {**question, "without_proof": True}).structured_content
    assert [plan["state"] for plan in asked["without_proof"]] == ["skipped", "advisory"]


@pytest.mark.parametrize("name", TOOLS)
def test_a_caller_sets_only_what_the_server_lets_callers_set(story_path: Path, name: str) -> None:
    question = {**ASKED, "params": {"stale_after": "1000h", "smoke_id": "x"}}
    answer = called(story_path, name, question, ("smoke_id",))
    assert answer.is_error
    assert answer.content[0].text == (  # type: ignore[union-attr]
        "this server does not let callers set `stale_after`: it lets callers set `smoke_id` (`--allow-param`)"
    )
    assert called(story_path, name, {**ASKED, "params": {"stale_after": "1000h"}}, ("stale_after",)).is_error is False
    listed = told(story_path, lambda client: client.list_tools()).tools
    assert all("params" not in each.input_schema["properties"] for each in listed)
    listed = told(story_path, lambda client: client.list_tools(), ("stale_after",)).tools
    assert {str(each.input_schema["properties"]["params"]["propertyNames"]) for each in listed} == {
        "{'enum': ['stale_after']}"
    }


def test_a_parameter_that_no_policy_has_cannot_be_let_set(interlock: Interlock, story_path: Path) -> None:
    ran = interlock("mcp", "--ledger", str(story_path), "--allow-param", "stale_aftr")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: `--allow-param`: no policy has the parameter `stale_aftr`; did you mean `stale_after`?\n"


@pytest.mark.slow
def test_the_command_serves_standard_input_and_output(story_path: Path) -> None:
    async def talk() -> CallToolResult:
        program = Path(sys.executable).with_name("interlock")
        started = StdioServerParameters(
            command=str(program), args=["mcp", "--ledger", str(story_path)], env=dict(os.environ)
        )
        async with Client(started) as client:
            return await client.call_tool("evaluate", ASKED)

    answer = asyncio.run(talk())
    assert answer.structured_content["state"] == "blocked"
