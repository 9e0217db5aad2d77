"""An option means one thing in every command, as `options.yaml` says; former names are accepted for a release."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest
import yaml

from interlock.cli import main
from tests.acceptance.conftest import Interlock

COMMANDS = main.list_commands(click.Context(main))
TABLE: dict[str, dict[str, str]] = yaml.safe_load(Path(__file__).with_name("options.yaml").read_text("utf-8"))
STORY = ("--task", "checkout-refactor", "--ledger")
FORMER = [
    ("capture --policy smoke {story} --at 2026-06-22T09:20:00Z", "capture smoke {story} --at 2026-06-22T09:20:00Z"),
    ("export --policy smoke --policy loop {story} --at head", "export smoke loop {story} --at head"),
    ("diff smoke smoke {story} --since head --until -2h", "diff smoke smoke {story} --from head --to -2h"),
    ("lock smoke --output gate.lock", "lock smoke --lock gate.lock"),
    ("new-kind seen --from {story-path}", "new-kind seen --ledger {story-path}"),
    ("facts smoke {story} --format table --at head", "facts smoke {story} --format text --at head"),
    ("facts smoke {story} --format ndjson --at head", "facts smoke {story} --format json --at head"),
]
"""Command lines as they were written for the last release, and as they are written now."""


class Taken(NamedTuple):
    """An option that a command takes."""

    command: str
    option: click.Option


def options(*, hidden: bool = False) -> Iterator[Taken]:
    """Every option of every command."""
    for name in COMMANDS:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        for each in command.params:
            if isinstance(each, click.Option) and each.hidden is hidden:
                yield Taken(name, each)


SHOWN = list(options())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_is_listed_and_means_the_same(command: str) -> None:
    for option in (each.option for each in SHOWN if each.command == command):
        (name,) = (each for each in option.opts if each.startswith("--"))
        assert name in TABLE, f"{command} {name} is not in options.yaml"
        meaning = (option.help or "").split(";")[0].split(". ")[0].rstrip(".")
        assert meaning == TABLE[name]["means"], command
        assert option.metavar == TABLE[name].get("value") or isinstance(option.type, click.Choice), command


def test_what_is_listed_is_an_option() -> None:
    assert sorted(TABLE) == sorted({name for each in SHOWN for name in each.option.opts if name.startswith("--")})


def test_a_value_is_of_one_type_in_every_command() -> None:
    for name in TABLE:
        same = [each.option for each in SHOWN if name in each.option.opts]
        choices = [set(each.type.choices) for each in same if isinstance(each.type, click.Choice)]
        assert len({(each.is_flag, each.type.name) for each in same if name != "--format"}) <= 1, name
        assert all({"text", "json"} <= each for each in choices if name == "--format")


def test_a_policy_is_an_argument_in_every_command() -> None:
    assert [each for each in SHOWN if each.option.metavar == "POLICY"] == []


def test_a_former_name_is_hidden_from_help_and_from_suggestions(interlock: Interlock) -> None:
    former = [(each.command, name) for each in options(hidden=True) for name in each.option.opts]
    assert sorted(former) == [
        ("capture", "--policy"),
        ("diff", "--since"),
        ("diff", "--until"),
        ("export", "--policy"),
        ("lock", "--output"),
        ("new-kind", "--from"),
    ]
    for command, name in former:
        assert f"{name} " not in interlock(command, "--help").out
        assert f"did you mean `{name}`" not in interlock(command, f"{name}s").err


@pytest.mark.parametrize(("former", "now"), FORMER)
def test_a_former_name_is_taken_with_a_warning(
    former: str, now: str, folder: Path, story_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ran = []
    for line in (former, now):
        words = line.replace("{story}", " ".join((*STORY, str(story_path)))).replace("{story-path}", str(story_path))
        with pytest.raises(SystemExit) as exited:
            main.main(words.split())
        (folder / "gate.lock").unlink(missing_ok=True)
        ran.append((exited.value.code, *capfd.readouterr()))
    (code, out, err), same = ran
    assert (code, out) == same[:2]
    assert err.endswith(same[2])
    assert err.startswith("warning: `")
    assert " is deprecated, and the next release refuses it; give " in err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("capture smoke --policy smoke --task x", "`--policy` is the former name of the policy"),
        ("export smoke --policy smoke --all-tasks", "`--policy` is the former name of the policies"),
        ("diff a b --since -1h --from -1h --all-tasks", "`--since` is the former name of `--from INSTANT`"),
        ("lock a --output b --lock c", "`--output` is the former name of `--lock FILE`"),
        ("new-kind x --from b --ledger c", "`--from` is the former name of `--ledger PATH`"),
        ("capture --task x", "missing argument `POLICY`; see `interlock capture --help`"),
        ("lock smoke --lock", "option `--lock` requires an argument"),
        ("facts smoke --task x --format tables", "`tables` is not one of `text`, `json`"),
    ],
)
def test_both_names_or_neither_is_refused(line: str, message: str, interlock: Interlock) -> None:
    ran = interlock(*line.split())
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_value_that_is_empty_or_would_be_dropped_is_refused(command: str, interlock: Interlock) -> None:
    valued = [each.option for each in (*SHOWN, *options(hidden=True)) if each.command == command]
    for option in (each for each in valued if not each.is_flag):
        name = option.opts[0]
        ran = interlock(command, f"{name}=")
        assert ran == (2, "", f"error: `{name}` is empty; give it a value, or leave it out\n")
        if (
            name in {"--task", "--lock", "--waivers", "--engine", "--max-skew", "--fail-on", "--dask"}
            and not option.multiple
        ):
            ran = interlock(command, name, "-", f"{name}=-")
            assert ran == (2, "", f"error: `{name}` is given twice; keep one of them\n")


def test_of_other_options_the_last_counts(interlock: Interlock, story_path: Path) -> None:
    ran = interlock("eval", "smoke", *STORY, str(story_path), "--format", "tap", "--format", "json")
    assert ran.out.startswith("{")


def test_only_one_task_is_judged_where_one_is_named(interlock: Interlock, story_path: Path) -> None:
    """The last of several options counts elsewhere: the other tasks would pass unjudged."""
    ran = interlock("eval", "smoke", *STORY, str(story_path), "--task", "other", "--task=third")
    assert ran == (2, "", "error: `--task` is given 3 times; keep one of them\n")


@pytest.mark.parametrize("command", ["replay", "capture"])
def test_standard_output_is_not_a_file(command: str, folder: Path, interlock: Interlock, story_path: Path) -> None:
    ran = interlock(command, "smoke", *STORY, str(story_path), "--output", "-")
    assert ran == (2, "", "error: standard output has what `--format` asks for; give a file, such as `./-`\n")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("words", [[], ["--color", "never"]])
def test_without_a_command_it_shows_its_help(
    words: list[str], folder: Path, capfd: pytest.CaptureFixture[str], interlock: Interlock
) -> None:
    """On standard error, for nothing was answered."""
    shown = interlock("--help").out
    with pytest.raises(SystemExit) as exited:
        main.main(words)
    assert (exited.value.code, *capfd.readouterr()) == (2, "", shown)


def test_a_short_option_shows_the_version(interlock: Interlock) -> None:
    assert interlock("-V") == interlock("--version")
