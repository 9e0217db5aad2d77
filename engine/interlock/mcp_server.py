"""Gates as tools for coding agents: a server of the Model Context Protocol.

What is judged by is fixed when the server is made: one ledger, and policies that are named by their ids. So an agent
whose work is gated can ask why, but neither by a policy nor over a ledger of its own making; and of parameters it sets
only those that the server lets callers set.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from typing import Annotated, Any

import anyio.to_thread
import msgspec
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)
from mcp.types import Tool as Listed

from interlock import __version__
from interlock.analysis import explain, unblock
from interlock.diagnostics import InterlockError, UsageError, meant_or_all
from interlock.request import Request, Session
from interlock.schemas import schema

_INSTRUCTIONS = (
    "Policies over the receipts of a ledger: may the work go on? Call `evaluate` first. A decision is allowed only when"
    " `allow` is true; null means undecided, and undecided is never allowed. `explain` says why, `unblock` what would"
    " have to be recorded, and by whom. Nothing here records anything."
)
_Text = Annotated[str, msgspec.Meta(min_length=1)]


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of every tool. An unknown one is refused: the answer would be to another request."""

    policy: Annotated[_Text, msgspec.Meta(description="The id of a policy, such as `smoke`.")]
    task: Annotated[_Text, msgspec.Meta(description="The task, by its name or id.")]
    at: Annotated[
        str | None,
        msgspec.Meta(description="The instant to decide at, `2026-06-11T12:00:05Z`, or ago, `-10m`; now without it."),
    ] = None
    params: Annotated[
        dict[str, str | int | bool | list[str]],
        msgspec.Meta(description="Parameters of the policy by name; durations as text, `180s`."),
    ] = {}


class RuleQuestion(Question, frozen=True, forbid_unknown_fields=True):
    """The same, of one rule."""

    rule: Annotated[
        str | None, msgspec.Meta(description="One rule by its id, also where it did not fire; without it, what fired.")
    ] = None


class PlanQuestion(Question, frozen=True, forbid_unknown_fields=True):
    """The same, of plans."""

    without_proof: Annotated[
        bool, msgspec.Meta(description="Also plans that skip or soften what is to be proved, apart from the others.")
    ] = False


class Tool(msgspec.Struct, frozen=True):
    """A use case as a tool. `schema` is the name of that of its answer, `asked` the type of its arguments."""

    title: str
    description: str
    answer: Callable[[Session, Any], Any]
    schema: str
    asked: type[Question] = Question


TOOLS = {
    "evaluate": Tool(
        "Decide a policy",
        "Decide a policy for a task at an instant: allowed, denied or undecided, every blocker, and how to fix it.",
        lambda session, _: session.decisions()[0],
        "decision",
    ),
    "explain": Tool(
        "Explain a decision",
        "Why a policy decides so: each rule that fired, what each part of its condition met, and what was not found.",
        lambda session, question: explain.answer(session, question.rule),
        "explanation",
        RuleQuestion,
    ),
    "unblock": Tool(
        "Find what would allow",
        "The smallest sets of receipts that would make a policy allow, by whom and by when; and what none can lift.",
        lambda session, question: unblock.answer(session, without_proof=question.without_proof),
        "unblock",
        PlanQuestion,
    ),
}


def server(request: Request, settable: Collection[str] = ()) -> Server[Any]:
    """The server of the gates of a request, which names neither policies nor tasks. Its ledger is open.

    `settable` are the parameters that callers may set.
    """

    async def listed(_: Any, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[_listed(name, tool, settable) for name, tool in TOOLS.items()])

    async def called(_: Any, params: CallToolRequestParams) -> CallToolResult:
        try:
            tool, question = _asked(params.name, params.arguments or {}, settable)
            answer = await anyio.to_thread.run_sync(_answer, tool, question, request)
        except InterlockError as error:
            return CallToolResult(content=[TextContent(text=str(error))], is_error=True)
        text = msgspec.json.encode(answer).decode()
        return CallToolResult(content=[TextContent(text=text)], structured_content=answer)

    made: Server[Any] = Server(
        "interlock", version=__version__, instructions=_INSTRUCTIONS, on_list_tools=listed, on_call_tool=called
    )
    return made


async def serve(request: Request, settable: Collection[str] = ()) -> None:
    """Serve the gates of a request over standard input and output, until the input ends."""
    made = server(request, settable)
    async with stdio_server() as (reading, writing):
        await made.run(reading, writing, made.create_initialization_options())


def _listed(name: str, tool: Tool, settable: Collection[str]) -> Listed:
    (asked,) = msgspec.json.schema(tool.asked)["$defs"].values()
    if settable:
        asked["properties"]["params"]["propertyNames"] = {"enum": sorted(settable)}
    else:
        del asked["properties"]["params"]
    return Listed(
        name=name,
        title=tool.title,
        description=tool.description,
        input_schema={key: said for key, said in asked.items() if key != "description"},
        output_schema=schema(tool.schema),
        annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False),
    )


def _asked(name: str, arguments: dict[str, Any], settable: Collection[str]) -> tuple[Tool, Question]:
    if name not in TOOLS:
        raise UsageError(f"unknown tool `{name}`; " + meant_or_all(name, TOOLS))
    try:
        question = msgspec.convert(arguments, TOOLS[name].asked)
    except msgspec.ValidationError as error:
        raise UsageError(f"invalid arguments for `{name}`: {error}") from None
    if os.sep in question.policy or "/" in question.policy or question.policy.endswith((".yaml", ".yml")):
        raise UsageError(f"`{question.policy}` is a path; name a policy by its id")
    refused = [f"`{each}`" for each in question.params if each not in settable]
    if refused:
        others = ", ".join(f"`{each}`" for each in sorted(settable))
        allowed = f"it lets callers set {others}" if others else "it lets callers set none"
        raise UsageError(f"this server does not let callers set {', '.join(refused)}: {allowed} (`--allow-param`)")
    return TOOLS[name], question


def _answer(tool: Tool, question: Question, request: Request) -> Any:
    origins = dict.fromkeys(question.params, "mcp")
    asked = request.about([question.policy], [question.task], at=question.at, params=question.params, origins=origins)
    with Session(asked) as session:
        return msgspec.to_builtins(tool.answer(session, question))
