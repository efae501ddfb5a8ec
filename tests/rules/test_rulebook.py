"""What a protocol's files mean once they are loaded."""

import dataclasses
import re
from collections.abc import Mapping

import pytest

from rules.instants import DAY, HOUR, MINUTE
from rules.phrases import phrase
from rules.protocol.actions import AddLabel, Assign, Comment, Escalate, RaisePriority, Tell
from rules.protocol.conditions import (
    All,
    AnyOf,
    AnyWord,
    Clock,
    Condition,
    Count,
    Counted,
    Due,
    Held,
    Level,
    Matches,
    Not,
    OneOf,
    Silent,
    State,
    Unanswered,
)
from rules.protocol.durations import Duration
from rules.protocol.organisation import Tier
from rules.protocol.rule import Existing, Mode, Repeat, Rule, Step
from rules.rulebook import Loaded, RulebookError, load
from rules.ticket import Kind
from tests.rules.protocol_texts import LIBRARY, ORGANISATION, RULES, loaded
from tests.shared import shared

OPEN = State("status", OneOf(("open",)))
PENDING = State("status", OneOf(("pending",)))
UNOWNED = State("assignee", OneOf((None,)))

CLOCK_OF_ITS_OWN = """\
clock:
  for: 1 business hour
  calendar: always
  while: {status: open}
  pause_while: {label: a}
  reset_when:
    - reopened: 1
"""


def minutes(number: int) -> Duration:
    return Duration(milliseconds=number * MINUTE)


def rule(body: str) -> Rule:
    """The one rule with this body (keys beside `rule`), indented as in a file."""
    text = "rules:\n  - rule: one\n" + "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
    if "\n    do:" not in text:
        text += "    do: [{label: seen}]\n"
    (only,) = loaded(text).rulebook.rules
    return only


def condition(when: str) -> Condition:
    return rule("when:\n" + "".join(f"  {line}\n" for line in when.strip("\n").splitlines())).condition


def test_a_rule_means_what_it_says() -> None:
    """A rule as the design writes it becomes one condition and its actions in order."""
    (only,) = loaded().rulebook.rules
    when = All((State("status", OneOf(("new", "open"))), State("priority", OneOf(("P1", "P2"))), UNOWNED))
    assert only == Rule(
        id="nobody-took-it",
        title="Urgent ticket without an owner",
        condition=Held(when, minutes(15)),
        steps=(Step((Escalate("network"), Comment("Without an owner for {held}."))),),
        mode=Mode.WATCH,
        repeat=Repeat(minutes(30), 3),
        calendar="office",
        order=0,
        place="rules.yaml:2",
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("status: open", OPEN),
        ("status: {not: [resolved, closed]}", Not(State("status", OneOf(("resolved", "closed"))))),
        ("team: [network-ops, nobody]", State("team", OneOf(("network-ops", None)))),
        ("priority: {at_least: P2}", State("priority", Level(at_least="P2"))),
        ("priority: {at_least: P3, at_most: P2}", State("priority", Level("P3", "P2"))),
        ("priority: {at_least: P2, not: P1}", All((State("priority", Level("P2")), Not(State("priority", OneOf(("P1",))))))),
        ("label: vip", State("labels", OneOf(("vip",)))),
        ("labels: [vip, nothing]", State("labels", OneOf(("vip", None)))),
        ("assignee: {not: nobody}", Not(UNOWNED)),
        ("assignee: Nobody", UNOWNED),
        ("native: {customfield_1: NOTHING}", State("native.customfield_1", OneOf((None,)))),
        ("requester: boss@example.com", State("requester", OneOf(("boss@example.com",)))),
        ("type: Incident", State("type", OneOf(("Incident",)))),
        ("native_status: Waiting for vendor", State("native_status", OneOf(("Waiting for vendor",)))),
        ("service: {any_word: [mail, intranet]}", State("service", AnyWord(("mail", "intranet")))),
        ("subject: {matches: 'CVE-[0-9]+'}", State("subject", Matches("CVE-[0-9]+"))),
        ("subject: {not: {any_word: test}}", Not(State("subject", AnyWord(("test",))))),
        ("text: {any_word: fire}", AnyOf((State("subject", AnyWord(("fire",))), State("description", AnyWord(("fire",)))))),
        ("tier: network-ops", State("tier", OneOf(("network-ops",)), "network")),
        ("tier: {chain: network}", State("tier", OneOf(("service-desk", "network-ops", "network-eng")), "network")),
        ("tier: {chain: network, in: [network-ops]}", State("tier", OneOf(("network-ops",)), "network")),
        ("reassigned: 3", Count(Counted.REASSIGNED, 3)),
        (
            "returned_to_former_team: {at_least: 2, within: 7 days, by: anyone, ignore_stays_shorter_than: 5 minutes}",
            Count(Counted.RETURNED, 2, Duration(7 * DAY), by_anyone=True, ignore_stays_shorter_than=minutes(5)),
        ),
        ("owner_changed: {at_least: 2, made_by: people}", Count(Counted.OWNER_CHANGED, 2)),
        ("reopened: 1", Count(Counted.REOPENED, 1)),
        ("priority_raised: 2", Count(Counted.PRIORITY_RAISED, 2)),
        ("priority_lowered: 2", Count(Counted.PRIORITY_LOWERED, 2)),
        ("requester_wrote: {at_least: 3, within: 2 days}", Count(Counted.REQUESTER_WROTE, 3, Duration(2 * DAY))),
        ("silent: 4 hours", Silent(Duration(4 * HOUR))),
        ("silent: {for: 4 hours, who: staff, replies_only: true}", Silent(Duration(4 * HOUR), (Kind.STAFF,), replies_only=True)),
        ("unanswered: 4 hours", Unanswered(Duration(4 * HOUR))),
        ("unanswered: {for: 4 hours, by: requester}", Unanswered(Duration(4 * HOUR), Kind.REQUESTER)),
        ("unanswered: {for: 4 hours, touch_answers: true}", Unanswered(Duration(4 * HOUR), Kind.STAFF, touch_answers=True)),
        ("due: passed", Due("due", Duration())),
        ("due: {within: 1 hour}", Due("due", Duration(HOUR))),
        ("due: {field: due, within: 1 hour}", Due("due", Duration(HOUR))),
        ("clock: {time: 4 hours, while: {status: open}}", Clock(OPEN, Duration(4 * HOUR))),
        (
            CLOCK_OF_ITS_OWN,
            Clock(OPEN, Duration(HOUR, calendar="always"), State("labels", OneOf(("a",))), Count(Counted.REOPENED, 1)),
        ),
        ("all: [{status: open}, {assignee: nobody}]", All((OPEN, UNOWNED))),
        ("any: [{status: open}, {assignee: nobody}]", AnyOf((OPEN, UNOWNED))),
        ("any: {status: open, assignee: nobody}", AnyOf((OPEN, UNOWNED))),
        ("not: {status: open, assignee: nobody}", Not(All((OPEN, UNOWNED)))),
        ("any: [{assignee: nobody, for: 30 minutes}, {status: open}]", AnyOf((Held(UNOWNED, minutes(30)), OPEN))),
    ],
)
def test_each_condition_of_the_language(written: str, meant: Condition) -> None:
    """Every condition can be written, and means what docs/rules.md says."""
    assert condition(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("15 minutes", minutes(15)),
        ("1 hour", minutes(60)),
        ("2 days", Duration(2 * DAY)),
        ("1 week", Duration(7 * DAY)),
        ("4 business hours", Duration(4 * HOUR, calendar="office")),
        ("45 Business  minutes", Duration(45 * MINUTE, calendar="office")),
        ("1 hours", minutes(60)),
        ("2 business days", Duration(business_days=2, calendar="office")),
    ],
)
def test_durations(written: str, meant: Duration) -> None:
    """Plain time is plain whatever the calendar, business time lies on the calendar in reach, and sentences say it right."""
    held = rule(f"when: {{status: open}}\nfor: {written}").condition
    assert isinstance(held, Held)
    assert held.duration == meant
    assert str(held.duration) == {"45 Business  minutes": "45 business minutes", "1 hours": "1 hour"}.get(written, written)


def test_a_rules_own_calendar_comes_before_the_default() -> None:
    """`calendar:` of a rule is the one that its business durations count on."""
    held = rule("calendar: always\nwhen: {status: open}\nfor: 4 business hours").condition
    assert held == Held(OPEN, Duration(4 * HOUR, calendar="always"))


def test_time_inside_an_exception_does_not_count() -> None:
    """`unless` stands inside what is held, so that an exception begins the time anew."""
    held = rule("when: {status: open}\nunless: [{label: a}, {label: b}]\nfor: 15 minutes").condition
    exception = AnyOf((State("labels", OneOf(("a",))), State("labels", OneOf(("b",)))))
    assert held == Held(All((OPEN, Not(exception))), minutes(15))


def test_a_clock_adds_up_while_the_rule_holds_and_fires_only_then() -> None:
    """`clock` sums the time of `when` and not `unless`, and `when` must hold when it is full."""
    written = (
        "when: {status: open}\nunless: {label: a}\nclock: 4 hours\npause_while: {status: pending}\nreset_when: {assignee: nobody}"
    )
    running = All((OPEN, Not(State("labels", OneOf(("a",))))))
    clock = Clock(running, Duration(4 * HOUR), PENDING, UNOWNED)
    assert rule(written).condition == All((*running.parts, clock))


def test_each_action_of_the_language() -> None:
    """Every action can be written, several in one list, in the order in which they are done."""
    actions = rule(
        """
when: {status: open}
do:
  - escalate: {chain: network, enter_at: service-desk}
  - assign: network-ops
  - raise_priority: 1
  - raise_priority: {by: 2, not_above: P1}
  - raise_priority: {to: P2}
  - tag: [a, b]
  - tell: [lead of current team, lead of  service-desk]
  - page: duty-manager
  - tell: carla@example.com
  - comment: "{{not for zendesk"
"""
    ).actions
    assert actions == (
        Escalate("network", "service-desk"),
        Assign("network-ops"),
        RaisePriority(by=1),
        RaisePriority(by=2, not_above="P1"),
        RaisePriority(to="P2"),
        AddLabel("a"),
        AddLabel("b"),
        Tell("lead of current team"),
        Tell("lead of service-desk"),
        Tell("duty-manager", urgent=True),
        Tell("carla@example.com"),
        Comment("{{not for zendesk"),
    )


@pytest.mark.parametrize(
    ("defaults", "own", "mode"),
    [("", "", Mode.WATCH), ("mode: live, ", "", Mode.LIVE), ("mode: live, ", "draft", Mode.DRAFT), ("", "live", Mode.LIVE)],
)
def test_a_new_rule_only_watches(defaults: str, own: str, mode: Mode) -> None:
    """The rule's own mode counts, else that of the defaults, else watch."""
    organisation = ORGANISATION.replace("{calendar: office}", "{" + defaults + "calendar: office}")
    rules = RULES.replace("    mode: watch\n", f"    mode: {own}\n" if own else "")
    assert loaded(rules, organisation).rulebook.rules[0].mode is mode


@pytest.mark.parametrize(
    ("written", "meant"), [("ignore", Existing(0)), ("all", Existing(None)), ("at most 20 per hour", Existing(20))]
)
def test_existing_tickets(written: str, meant: Existing) -> None:
    """What becomes of tickets that are in the state already is a choice, and none of them is touched by default."""
    assert rule(f"when: {{status: open}}\nexisting_tickets: {written}").existing == meant
    assert rule("when: {status: open}").existing == Existing(0)


def test_the_organisation() -> None:
    """Priorities keep their order, teams and chains their names in each source."""
    organisation = loaded().rulebook.organisation
    assert [level.name for level in organisation.priorities] == ["P1", "P2", "P3"]
    assert organisation.priorities[2].sources == {"jira-cloud": ("Medium", "Low")}
    assert organisation.teams["network-ops"].sources == {"jira-cloud": ("Network Operations", "Network Night")}
    assert organisation.teams["service-desk"].lead == "anna@example.com"
    assert organisation.chains["network"].tiers == (
        Tier("service-desk"),
        Tier("network-ops", minutes(30)),
        Tier("network-eng", Duration(2 * HOUR, calendar="office")),
    )
    assert organisation.roles == {"duty-manager": "duty@example.com"}
    assert organisation.calendars["always"].always
    office = organisation.calendars["office"]
    assert office.hours == dict.fromkeys(range(5), ((540, 1050),))
    assert (office.time_zone, office.holidays, office.always) == ("Europe/Amsterdam", "NL", False)


@pytest.mark.parametrize(
    ("defaults", "calendars", "zone"),
    [
        ("time_zone: Asia/Tokyo, calendar: lisbon", "lisbon, warsaw", "Asia/Tokyo"),
        ("calendar: lisbon", "lisbon, warsaw", "Europe/Lisbon"),
        ("mode: watch", "lisbon, round-the-clock", "Europe/Lisbon"),
        ("calendar: round-the-clock", "lisbon, round-the-clock", "Europe/Lisbon"),
        ("mode: watch", "lisbon, warsaw", "UTC"),
        ("calendar: round-the-clock", "round-the-clock", "UTC"),
    ],
)
def test_the_organisation_has_one_time_zone(defaults: str, calendars: str, zone: str) -> None:
    """The one it says, else that of its usual calendar, else the one that all its calendars share; windows have it as well."""
    hours = {
        "lisbon": "{time_zone: Europe/Lisbon, hours: {mon-fri: '09:00-17:00'}}",
        "warsaw": "{time_zone: Europe/Warsaw, hours: {mon-fri: '09:00-17:00'}}",
        "round-the-clock": "{hours: all}",
    }
    written = "".join(f"  {name}: {hours[name]}\n" for name in calendars.split(", "))
    text = (
        f"format: 1\ndefaults: {{{defaults}}}\ncalendars:\n{written}windows:\n  freeze: [{{from: 2026-12-18, to: 2027-01-03}}]\n"
    )
    organisation = load({"organisation.yaml": text}).rulebook.organisation
    assert (organisation.time_zone, organisation.windows["freeze"].time_zone) == (zone, zone)


def test_a_time_of_day_is_the_organisations_where_no_calendar_says_another() -> None:
    """A zone that `defaults` names is enough for `time:`; one that does not exist is refused where it stands."""
    text = "format: 1\ndefaults: {time_zone: Asia/Tokyo}\n"
    text += "rules:\n  - rule: nights\n    when: {time: {from: '22:00', to: '06:00'}}\n    do: [comment: x]\n"
    (rule,) = load({"organisation.yaml": text}).rulebook.rules
    assert "Asia/Tokyo" in phrase(rule.condition)
    with pytest.raises(RulebookError, match="did you mean Asia/Tokyo"):
        load({"organisation.yaml": text.replace("Tokyo", "Tokio")})


@pytest.mark.parametrize(
    ("written", "hours"),
    [
        ('{mon-fri: "09:00-12:00, 13:00-17:30"}', dict.fromkeys(range(5), ((540, 720), (780, 1050)))),
        ('{sat: ["08:00-12:00", "13:00-14:00"]}', {5: ((480, 720), (780, 840))}),
        ('{fri-mon: "22:00-06:00"}', dict.fromkeys((4, 5, 6, 0), ((1320, 360),))),
        ('{"mon, wed": "9:00-24:00", Thursday: "00:00-08:00"}', {0: ((540, 1440),), 2: ((540, 1440),), 3: ((0, 480),)}),
    ],
)
def test_opening_hours(written: str, hours: Mapping[int, object]) -> None:
    """Several shifts, ranges of days and shifts over midnight can be written."""
    organisation = ORGANISATION.replace('{mon-fri: "09:00-17:30"}', written)
    assert loaded(organisation=organisation).rulebook.organisation.calendars["office"].hours == hours


def test_a_team_that_works_elsewhere_has_no_name_in_a_source() -> None:
    """`linked_ticket_in` says that the team is never moved to in that source."""
    organisation = ORGANISATION.replace(
        "{jira-cloud: Network Engineering}", "{jira-cloud: Eng, snow: {linked_ticket_in: jira-cloud}}"
    )
    assert loaded(organisation=organisation).rulebook.organisation.teams["network-eng"].sources == {"jira-cloud": ("Eng",)}


def test_yaml_changes_the_meaning_of_nothing() -> None:
    """on, no, 22:00, dates and leading zeros stay the text that was written."""
    meant = condition("labels: [on, no, 22:00, 2026-01-02, 007, 1_000, ~, null, 1e3]")
    assert meant == State("labels", OneOf(("on", "no", "22:00", "2026-01-02", "007", "1_000", "~", "null", "1e3")))


def test_sections_may_stand_in_any_file() -> None:
    """One file or many: the rulebook is the same, and the rules keep the order of files and lines."""
    one = load({"organisation.yaml": ORGANISATION + RULES}).rulebook
    many = load({"rules.yaml": RULES, "organisation.yaml": ORGANISATION, "zz.yaml": "# nothing yet\n"}).rulebook
    assert one.version == many.version
    second = RULES.replace("nobody-took-it", "second").replace("rules:\n", "")
    two = load({"b.yaml": "rules:\n" + second, "a.yaml": RULES, "organisation.yaml": ORGANISATION}).rulebook
    assert [(rule.id, rule.order) for rule in two.rules] == [("nobody-took-it", 0), ("second", 1)]


def test_the_version_is_that_of_the_meaning() -> None:
    """Remarks, quotes, blank lines and another spelling of a duration change nothing; a changed word does."""
    version = loaded().rulebook.version
    assert re.fullmatch("[0-9a-f]{64}", version)
    same = (
        RULES.replace("15 minutes", "15   minutes  # a remark")
        .replace("[P1, P2]", '\n        - "P1"\n        - P2')
        .replace("30 m", "30 M")
    )
    assert loaded("# remark\n\n" + same).rulebook.version == version
    assert loaded(RULES.replace("15 minutes", "16 minutes")).rulebook.version != version
    assert loaded(RULES.replace("watch", "live")).rulebook.version != version
    assert loaded(organisation=ORGANISATION.replace("duty@", "dirk@")).rulebook.version != version


def test_a_rulebook_is_made_of_values() -> None:
    """Two readings of the same files are equal, and a rule can be a key."""
    assert loaded().rulebook == loaded().rulebook
    assert hash(loaded().rulebook.rules[0]) == hash(loaded().rulebook.rules[0])
    assert dataclasses.is_dataclass(Loaded)


@pytest.mark.parametrize("key", ["Raise Priority", "raise-priority", "raise\u00a0priority", "RAISE_PRIORITY"])
def test_other_spellings_of_a_key_are_taken_with_a_hint(key: str) -> None:
    """Spaces, hyphens, non-breaking spaces and capitals in a key do no harm, and the one form is named."""
    found = loaded(RULES.replace("      - escalate: network\n", f"      - {key}: 1\n"))
    assert found.rulebook.rules[0].actions[0] == RaisePriority(by=1)
    (hint,) = found.hints
    assert (hint.line, hint.column, hint.hint) == (11, 9, "raise_priority")


def test_a_text_cut_by_a_remark_is_noticed() -> None:
    """An unquoted ` #` that goes on like text is pointed out; an ordinary remark is not."""
    (hint,) = loaded(RULES.replace('"Without an owner for {held}."', "See ticket #5 of {key}")).hints
    assert (hint.file, hint.line, hint.column, hint.text) == ("rules.yaml", 12, 18, "See ticket")
    assert loaded(RULES.replace("15 minutes", "15 minutes   # a remark")).hints == ()


def test_a_calendar_that_counts_nothing_is_noticed() -> None:
    """A rule that names office hours and then counts plain minutes is probably not what was meant."""
    (hint,) = loaded(RULES.replace("    for:", "    calendar: office\n    for:")).hints
    assert (hint.line, hint.text) == (9, "office")
    assert loaded(RULES.replace("    for:", "    calendar: always\n    for:")).hints == ()


def design_blocks() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", (shared() / "design.md").read_text(), flags=re.DOTALL)[:2]


def test_the_designs_own_example_loads_with_the_window_that_it_names() -> None:
    """The example of the design loads whole, but for a window that its organisation leaves out."""
    organisation, rules = design_blocks()
    with pytest.raises(RulebookError) as caught:
        load({"organisation.yaml": organisation, "rules.yaml": rules}, LIBRARY)
    said = [(problem.text, problem.expected.partition(";")[0]) for problem in caught.value.problems]
    assert said == [("planned-maintenance", "there is no such window")]
    organisation += "windows: {planned-maintenance: {file: windows/maintenance.ics, owner: bob@example.com}}\n"
    found = load({"organisation.yaml": organisation, "rules.yaml": rules}, LIBRARY).rulebook
    assert [rule.id for rule in found.rules] == ["went-silent", "nobody-took-it", "p1-ladder"]
    assert found.organisation.teams["network-eng"].on_call == "rotas/network.ics"
    assert found.organisation.roles["duty-manager"] == "rotas/duty-manager.ics"
