"""`hoist rules`: the commands for work on rules; as everywhere, parse, call one function, print."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from agent.screens.terminal import Terminal

rules_app = typer.Typer(help="Work on rules.", no_args_is_help=True)

DONE, FINDINGS = 0, 1

Config = Annotated[Path | None, typer.Option("--config", "-c", help="hoist.yaml (default: $HOIST_CONFIG, else ./hoist.yaml).")]
Json = Annotated[bool, typer.Option("--json", help="For machines: one JSON document on standard output.")]
Protocol = Annotated[
    Path | None, typer.Option("--protocol", help="A folder or file (default: the protocol of hoist.yaml, else ./protocol).")
]
Place = Annotated[Path | None, typer.Argument(help="A folder or file (default: the protocol of hoist.yaml, else ./protocol).")]

_LINT: Final = (
    "Examples: hoist rules lint protocol; "
    'hoist rules lint --deep --covered "priority: P1, status: [new, open]" --within "15 minutes"'
)
_TEST: Final = (
    'Examples: hoist rules test; hoist rules test --from jira-cloud:SD-17 --should-fire "2026-11-02 14:15" --rule nobody-took-it'
)
_EXPLAIN: Final = "Example: hoist rules explain protocol/rules.yaml"
_FORMAT: Final = "Example: hoist rules format --check"
_SCHEMA: Final = (
    "Example: hoist rules schema > hoist-rules.schema.json, which your editor is then told to use for protocol/*.yaml"
)
_MATRIX: Final = "Example: hoist rules matrix escalation.csv --chain network > protocol/matrix.yaml"


def _print_json(found: Any) -> None:
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")


@rules_app.command("lint", epilog=_LINT)
def lint(
    place: Place = None,
    deep: Annotated[bool, typer.Option("--deep", help="Think of every ticket that there could be, too.")] = False,
    covered: Annotated[
        list[str] | None,
        typer.Option(metavar="WHEN", help="With --deep: tickets that must be escalated, as in a rule's `when`; may be repeated."),
    ] = None,
    within: Annotated[
        str | None, typer.Option(metavar="TIME", help='With --deep: so soon must they be, like "15 minutes".')
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Check rules without any helpdesk: every mistake at once, with its place. Exit code 1 where something is found.

    --deep also finds rules that can never fire, rules that undo each other for ever, and urgent tickets that nobody escalates.
    """
    from agent.rule_commands import Deep, lint_rules
    from agent.screens import rules as screen

    if not deep and (covered or within is not None):
        raise typer.BadParameter("--covered and --within belong to --deep")
    with _progress(shown=deep) as told:
        found = lint_rules(place, config, Deep(tuple(covered or ()), within, told) if deep else None)
    if as_json:
        _print_json(screen.lint_data(found))
    else:
        screen.lint(Terminal(), found)
    sys.exit(FINDINGS if found.at_fault else DONE)


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[str], None]]:
    """A line on a terminal that says what is under way; nothing where standard error is none."""
    console = Terminal(stderr=True)
    if not (shown and console.is_terminal):
        yield lambda _: None
        return
    with console.status("") as line:
        yield line.update


@rules_app.command("test", epilog=_TEST)
def stories(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders of stories (default: tests/*.yaml of the protocol).")
    ] = None,
    ticket: Annotated[
        str | None, typer.Option("--from", metavar="SOURCE:KEY", help="Write a story from this ticket, then tell it.")
    ] = None,
    should_fire: Annotated[
        str | None, typer.Option(metavar="INSTANT", help='When a rule should fire on it, like "2026-11-02 14:15".')
    ] = None,
    rule: Annotated[str | None, typer.Option(help="The rule that should fire on it (default: any).")] = None,
    out: Annotated[Path | None, typer.Option(help="Where the story goes (default: tests/ of the protocol).")] = None,
    protocol: Protocol = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Tell stories of tickets: what must fire when, what must not. Exit code 1 where one ends otherwise."""
    from agent.screens import rules as screen
    from agent.story_commands import tell_stories

    if (ticket is None) != (should_fire is None):
        raise typer.BadParameter("--from SOURCE:KEY and --should-fire INSTANT belong together")
    if ticket is None and (rule is not None or out is not None):
        raise typer.BadParameter("--rule and --out belong to --from SOURCE:KEY")
    if ticket is not None and should_fire is not None:
        from agent.story_from_ticket import write_story

        found = write_story(ticket, should_fire, rule, out, protocol, config)
    else:
        found = tell_stories(paths or [], protocol, config)
    if as_json:
        _print_json(screen.tested_data(found))
    else:
        screen.tested(Terminal(), found)
    sys.exit(FINDINGS if found.problems or found.failed else DONE)


@rules_app.command("explain", epilog=_EXPLAIN)
def explain(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders of rules (default: the protocol of hoist.yaml).")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Each rule as English sentences, with a worked date."""
    from agent.rule_commands import explain_rules
    from agent.screens import rules as screen

    found = explain_rules(files or [], config)
    if as_json:
        _print_json(screen.explained_data(found))
    else:
        screen.explained(Terminal(), found)


@rules_app.command("format", epilog=_FORMAT)
def format_(
    place: Place = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit code 1 where a file would change.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Write keys and words in their one form; comments, order and meaning stay."""
    from agent.rule_commands import format_rules
    from agent.screens import rules as screen

    found = format_rules(place, config, check=check)
    if as_json:
        _print_json(screen.formatted_data(found))
    else:
        screen.formatted(Terminal(), found, check=check)
    sys.exit(FINDINGS if check and found else DONE)


@rules_app.command("matrix", epilog=_MATRIX)
def matrix(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Which priority, after how long, who.")],
    chain: Annotated[str | None, typer.Option(help="The chain along which teams among the people get the ticket.")] = None,
    protocol: Protocol = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Turn an escalation matrix into rules with steps, on standard output. Exit code 1 where cells can't be read."""
    from agent.rule_commands import rules_from_matrix
    from agent.screens import rules as screen

    found = rules_from_matrix(file, chain, protocol, config)
    if as_json:
        _print_json(screen.matrix_data(found))
    else:
        sys.stdout.write("" if found.problems else found.rules)
        screen.matrix(Terminal(stderr=True), found)
    sys.exit(FINDINGS if found.problems else DONE)


@rules_app.command("schema", epilog=_SCHEMA)
def schema(
    of_stories: Annotated[bool, typer.Option("--stories", help="That of files of stories instead.")] = False,
) -> None:
    """The JSON Schema of rule files, for editors."""
    from rules.rulebook import schema as rule_schema
    from rules.stories import story_schema

    _print_json(story_schema() if of_stories else rule_schema())
