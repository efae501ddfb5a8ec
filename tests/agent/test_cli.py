import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from agent.check import namesakes
from agent.errors import ConfigError
from connectors.jira.connector import JiraConnector
from connectors.jira.sandbox import JiraSandbox
from connectors.jira.site.call import Answer, answered
from rules.instants import MINUTE
from tests.agent.command_line import HOIST, ORGANISATION, RULES, Desk, desk, hoist, real_time

SANDBOX = (*HOIST, "sandbox", "jira")


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        yield made


# --- what it says of itself ----------------------------------------------------------------------------------------------


def test_an_instant_that_is_none_is_told_in_words() -> None:
    """--at with anything else says how an instant is written."""
    said = hoist("demo", "--at", "garbage")
    assert said.code == 2
    assert "isoformat" not in said.words
    assert "2012-05-07T06:00:00Z" in said.words


def test_no_time_at_all_is_refused() -> None:
    """`hoist demo --for 0s` says that the length must be longer than nothing."""
    said = hoist("demo", "--for", "0s")
    assert said.code == 2
    assert "--for: '0s' is no length of time longer than nothing" in said.err


def test_help_shows_the_six_commands_first() -> None:
    """`hoist --help` names demo, check, run, plan, status and why before everything else."""
    said = hoist("--help")
    assert said.code == 0
    first, more = said.out.split("More", 1)
    assert re.findall(r"│ (\w+) ", first.split("Commands", 1)[1]) == ["demo", "check", "run", "plan", "status", "why"]
    groups = ["sandbox", "rules", "journal", "census", "changes"]
    looking = ["audit", "backtest"]
    hands_on = ["pause", "resume", "snooze", "rehearse", "apply", "forecast", "install"]
    assert re.findall(r"│ (\w+) ", more) == [*looking, *hands_on, *groups]


@pytest.mark.parametrize(
    "arguments",
    [
        ["bogus"],
        ["why"],
        ["check", "--bogus"],
        ["why", "jira:IT-1", "--at", "yesterday"],
        ["why", "jira:IT-1", "--at", "2026-03-02T06:00:00"],
        ["demo", "--tickets", "0"],
        ["demo", "--seed", "x"],
        ["sandbox", "jira", "--bogus"],
    ],
)
def test_wrong_words_end_in_two(arguments: list[str]) -> None:
    """A command, option or value that does not exist is wrong use: exit code 2, a sentence, no traceback."""
    said = hoist(*arguments)
    assert said.code == 2
    assert said.err.strip()
    assert "Traceback" not in said.err


@pytest.mark.parametrize("command", [["check"], ["run"], ["status"], ["why", "jira:IT-1"], ["rules", "lint"]])
def test_an_empty_folder_is_met_with_what_to_do(command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder without hoist.yaml every command says so and names the way on."""
    monkeypatch.chdir(tmp_path)
    said = hoist(*command)
    assert (said.code, said.out) == (2, "")
    assert "there is no hoist.yaml" in said.err
    assert "hoist demo" in said.err
    assert list(tmp_path.iterdir()) == []


# --- settings that do not work -------------------------------------------------------------------------------------------

WRONG_SETTINGS: Mapping[str, tuple[Mapping[str, object], str]] = {
    "no token": ({"token": None}, "jira: token missing: say how hoist signs in, with username and token or by auth"),
    "a secret in the file": ({"token": "ATATT3xFfGF0-very-secret"}, "a secret is not written into a settings file"),
    "a variable that is not set": (
        {"token": "env:HOIST_NO_SUCH_VARIABLE"},
        "set the environment variable HOIST_NO_SUCH_VARIABLE",
    ),
    "a wrong token": ({"token": "file:{wrong}"}, "the credential is wrong or has expired, renew it: token (file:"),
    "a wrong account": ({"username": "somebody@example.com"}, "the credential is wrong or has expired, renew it"),
    "a misspelt key": ({"projcts": ["IT"]}, "jira.projcts is no setting of this platform; did you mean projects?"),
    "a text where a list belongs": ({"projects": "IT"}, 'jira.projects: expected a list; write it like ["ITSM"]'),
    "a length of time that is none": ({"poll_every": "often"}, "'often' is no length of time; write it like 60 seconds"),
    "a misspelt platform": ({"platform": "jra"}, "there is no connector for the platform 'jra'; did you mean jira?"),
    "a tier field of no kind": ({"tier_field": {"kind": "selct"}}, "jira.tier_field.kind: expected 'team', 'select'"),
    "a tier field that is not there": (
        {"tier_field": {"kind": "select", "field": "customfield_99999"}},
        "the tier field customfield_99999 does not exist",
    ),
    "a status that is not there": ({"statuses": {"new": ["Opn"]}}, "did you mean 'Open'?"),
    "an address without encryption": ({"url": "http://helpdesk.example.com"}, "http would send the token readable"),
}


@pytest.mark.parametrize("name", WRONG_SETTINGS)
def test_wrong_settings_are_said_before_anything_is_written(name: str, it: Desk, tmp_path: Path) -> None:
    """Each mistake in hoist.yaml stops `hoist run` with a sentence that names it, and the helpdesk's record stays empty."""
    change, sentence = WRONG_SETTINGS[name]
    (tmp_path / "wrong").write_text("not-the-token", encoding="utf-8")
    settings = it.settings() | dict(change)
    if str(settings["token"]).startswith("file:{"):
        settings["token"] = f"file:{tmp_path}/wrong"
    it.write({key: value for key, value in settings.items() if value is not None})
    said = it.hoist("run", "--once")
    assert (said.code, said.out) == (2, "")
    assert sentence in said.words
    assert "very-secret" not in said.err
    assert "Traceback" not in said.err
    checked = it.hoist("check")
    assert checked.code in (1, 2)
    assert sentence in checked.words
    assert it.untouched()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "this is no hoist.yaml: it needs sources:"),
        (b"- a\n", "hoist.yaml:1:1: this is no hoist.yaml"),
        (b"sources: {}\n", "sources: is empty"),
        (b"sorces: {}\n", "sorces is not known; did you mean sources?"),
        (b"sources:\n  jira:\n", "jira: expected a block of keys and values, with platform and more"),
        (b"sources: [\n", "a bracket is not closed"),
        (b"sources:\n\tjira: {}\n", "tab"),
        (b"store: a\nstore: b\n", "written twice"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
    ],
)
def test_a_garbled_file_is_named_with_its_place(text: bytes, sentence: str, it: Desk) -> None:
    """A hoist.yaml that can't be understood is answered with the place and what was expected, never with a traceback."""
    it.config.write_bytes(text)
    said = it.hoist("check")
    assert (said.code, said.out) == (2, "")
    assert sentence in said.words


class Forgetful(JiraSandbox):
    """A site that no longer knows whose token it is, and says so with 200, as Jira does on many calls."""

    anonymous = False

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        answer = super().dispatch(method, path, query, headers, body)
        if self.anonymous and path.endswith("/myself"):
            return replace(answered({"displayName": "Anonymous", "active": True}), headers=answer.headers)
        return answer


def test_a_site_that_takes_hoist_for_nobody_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site that answers 200 as to an anonymous visitor is told from one that knows hoist, and nothing is written."""
    with desk(tmp_path, kind=Forgetful) as it:
        monkeypatch.setattr(Forgetful, "anonymous", True)
        said = it.hoist("run", "--once")
        assert said.code == 2
        assert "anonymous visitor; renew the API token" in said.err
        monkeypatch.setattr(Forgetful, "anonymous", False)
        assert it.untouched()


def test_a_missing_right_is_named_with_effect_and_cure(tmp_path: Path) -> None:
    """With rights withheld, `hoist check` names each, its effect and its cure, and the helpdesk's record stays empty."""
    with desk(tmp_path, withheld=["ADD_COMMENTS", "EDIT_ISSUES"]) as it:
        checked, run = it.hoist("check"), it.hoist("run", "--once")
        assert (checked.code, run.code) == (1, 2)
        for said in (checked.words, run.words):
            assert "lacks the permission 'Add comments' (ADD_COMMENTS) in project IT: it can't say why it escalated" in said
            assert "'Edit issues'" in said
            assert "grant it in the project's permission scheme" in said
        assert it.untouched()


def test_an_address_where_nobody_listens_is_said(it: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site that can't be reached is named, and nobody is promised a second try."""
    monkeypatch.setattr("agent.clock.SystemClock.sleep", lambda *_: None)  # the waits between tries are not the promise
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        it.write(it.settings() | {"url": f"http://127.0.0.1:{taken.getsockname()[1]}"})
        said = it.hoist("run", "--once")
    assert said.code == 2
    assert said.err.startswith("jira: ")
    assert "can't be reached: nothing listens there (connection refused); check its address and the network" in said.err
    assert "tries again" not in said.err


@pytest.mark.parametrize("minutes", [7, -7])
def test_clocks_too_far_apart_are_refused_with_figures(tmp_path: Path, minutes: int) -> None:
    """Past skew_limit the difference of the clocks is given in seconds, and nothing starts."""
    with desk(tmp_path, clock=lambda: real_time() + minutes * MINUTE) as it:
        said = it.hoist("run", "--once")
        assert said.code == 2
        found = re.search(r"its clock is (\d+) seconds (ahead of|behind) this machine's, and skew_limit allows 300", said.err)
        assert found is not None
        assert abs(int(found[1]) - 420) <= 5
        assert found[2] == ("ahead of" if minutes > 0 else "behind")
        assert it.untouched()
        it.write(it.settings() | {"skew_limit": "10 minutes"})
        assert it.hoist("check").code == 0


@pytest.mark.parametrize(
    ("organisation", "rules", "sentence"),
    [
        (ORGANISATION.replace("[desk, network]", "[desk, netwrk]"), RULES, '"netwrk": there is no such team'),
        (ORGANISATION.replace("jira: Network", "jira: Netwrk"), RULES, "jira has no team 'Netwrk'; did you mean 'Network'?"),
        (ORGANISATION.replace("jira: High}", "jira: Hgh}"), RULES, "jira has no priority 'Hgh'; did you mean 'High'?"),
        (ORGANISATION, RULES.replace("escalate: it", "escalate: its"), '"its": there is no such chain'),
        (ORGANISATION, RULES.replace("when:", "whn:"), 'did you mean "when"?'),
        (ORGANISATION, RULES.replace("15 minutes", "soon"), '"soon"'),
        (ORGANISATION, "rules:\n\t- rule: x\n", "a tab in the indentation"),
    ],
)
def test_rules_that_do_not_fit_never_start_the_agent(organisation: str, rules: str, sentence: str, it: Desk) -> None:
    """A rulebook with a mistake, or that does not fit the helpdesk, is refused with the place and the nearest name."""
    it.write(organisation=organisation, rules=rules)
    for command in (["run", "--once"], ["check"]):
        said = it.hoist(*command)
        assert said.code in (1, 2)
        assert sentence in said.words
        assert "Traceback" not in said.err
    assert it.untouched()


# --- check, run ----------------------------------------------------------------------------------------------------------


def test_check_says_what_is_promised_and_writes_nothing(it: Desk) -> None:
    """`hoist check` tells the promise of each operation, the names found and the rules by mode, and leaves no trace."""
    said = it.hoist("check")
    assert said.code == 0
    for sentence in (
        "signed in as hoist agent",
        "a field that a person changes between hoist's read and its write: it is noticed in the platform's own record",
        "theirs is put back once (detected and put back). Written once by hoist's marker, looked for before a second try",
        "hoist waits 300 seconds, looks for its marker",
        "2 of 2 teams, 2 of 2 priorities",
        "rules 1 live",
        "Nothing was written. Next: hoist run",
    ):
        assert sentence in said.words
    assert it.untouched()
    assert not (it.folder / "hoist.db").exists()


def test_check_answers_machines_too(it: Desk) -> None:
    """`hoist check --json` holds sources, promises, counts and problems in one document."""
    found = it.hoist("check", "--json").json
    [source] = found["sources"]
    assert source["teams"] == {"found": 2, "total": 2}
    assert set(source["promises"]) == {"fields", "comment", "lost answer"}
    assert (found["rules"], found["problems"]) == ({"live": 1}, [])


def test_check_shows_lists_windows_and_rotas(it: Desk) -> None:
    """Who is on duty, how long lists are, and what can't be read, as something to look at; nothing is kept."""
    organisation = it.folder / "protocol" / "organisation.yaml"
    text = organisation.read_text(encoding="utf-8").replace("{jira: Network}", "{jira: Network, on_call: network.ics}")
    windows = "windows: {freeze: [{from: 2020-01-01, to: 2020-01-02}]}\n"
    organisation.write_text(f"{text}lists: {{vip: [a@example.com]}}\n{windows}", encoding="utf-8")
    said = it.hoist("check").words
    assert "vip list: 1 entry" in said
    assert "freeze window: not on now, and no later time is known" in said
    assert "network.ics rota of team network: not known, it was never read" in said
    assert "LOOK the rota network.ics can't be read (No such file or directory): put the file there" in said
    found = it.hoist("check", "--json").json["outside"]
    assert found["rotas"][0]["on_duty"] == []
    assert [path.name for path in it.folder.iterdir() if "copies" in path.name] == []


def test_check_notices_who_else_claims_hoists_names() -> None:
    """hoist's packages have common names: another distribution that brings one of them is named, with what to do."""
    assert namesakes({"agent": ["hoist"], "rules": ["hoist"], "connectors": ["hoist"]}) == ()
    [said] = namesakes({"agent": ["hoist", "secret-agent"], "rules": ["hoist"]})
    assert said == "the package agent is claimed by secret-agent as well: install hoist into an environment of its own"


def test_one_turn_reads_escalates_and_stops(it: Desk) -> None:
    """`hoist run --once` moves the forgotten ticket, says so, and does not do it again the next time."""
    first = it.hoist("run", "--once", "--json")
    assert first.code == 0
    assert [(each["source"], each["firings"], each["writes"]) for each in first.json] == [("jira", 1, 2)]
    saves, comments = it.record()
    assert [{item[0] for item in save.items} for save in saves] == [{"team", "labels"}]
    assert ["Nobody took it" in comment.text and not comment.public for comment in comments] == [True]
    again = it.hoist("run", "--once")
    assert (again.code, again.words.count("0 escalations decided, 0 writes")) == (0, 1)
    assert "Next: hoist status" in again.out
    assert it.record() == (saves, comments)


def test_two_agents_do_not_share_a_store(it: Desk) -> None:
    """A second `hoist run` on the same store is told that another one runs."""
    with it.running() as agent:
        agent.wait_until_it_runs()
        said = it.hoist("run", "--once")
    assert said.code == 2
    assert "another hoist is running" in said.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_finishes_its_turn(it: Desk, number: signal.Signals) -> None:
    """On SIGTERM or Ctrl-C `hoist run` ends with code 0, whatever it had begun is finished, and a later run goes on."""
    with it.running() as agent:
        agent.wait_until_it_runs()
        agent.process.send_signal(number)
        code = agent.process.wait(timeout=60)
        out, err = agent.rest()
    assert code == 0, err
    assert "hoist has stopped" in err
    assert "Next: hoist status" in out
    assert it.hoist("run", "--once").code == 0
    assert len(it.record()[1]) == 1


class Closing(JiraSandbox):
    """A site that takes nobody's token for a search once it is told to."""

    refuses = False

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if self.refuses and "/search/jql" in path:
            return replace(answered({}, 401), headers=super().dispatch(method, path, query, headers, body).headers)
        return super().dispatch(method, path, query, headers, body)


def test_only_one_turn_ends_in_one_where_a_source_stands_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a source that stands still `run --once` exits with 1; a run that was told to stop exits with 0 and still says so."""
    monkeypatch.setattr(Closing, "refuses", True)
    with desk(tmp_path, kind=Closing) as it:
        once = it.hoist("run", "--once")
        assert once.code == 1
        assert "STANDS STILL" in once.words
        with it.running() as agent:
            agent.wait_until_it_logs("401")
            agent.process.send_signal(signal.SIGTERM)
            code = agent.process.wait(timeout=60)
            out, err = agent.rest()
        assert code == 0, err
        assert "STANDS STILL" in out


def test_connections_are_let_go(it: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command closes what it opened: nothing is left to the end of the process."""
    closed: list[object] = []
    close = JiraConnector.close

    def noted(connector: JiraConnector) -> None:
        closed.append(connector)
        close(connector)

    monkeypatch.setattr(JiraConnector, "close", noted)
    for number, command in enumerate((("run", "--once"), ("check",), ("changes", "undo", "jira:IT-1")), 1):
        assert hoist(*command, "--config", it.config).code == 0
        assert len(closed) == number


class UsedUp(JiraSandbox):
    """A site whose quota is used up until it is told otherwise."""

    left = 0

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        answer = super().dispatch(method, path, query, headers, body)
        if type(self).left < 0:
            return answer
        type(self).left -= 1
        return replace(answered({}, 429), headers={**answer.headers, "Retry-After": "1"})


def test_a_quota_that_is_used_up_when_hoist_begins_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`run --once` says what was not done and exits with 1; `run` says that it waits, can be stopped, and begins when it may."""
    monkeypatch.setattr(UsedUp, "left", 10_000)
    with desk(tmp_path, kind=UsedUp) as it:
        once = it.hoist("run", "--once")
        assert (once.code, "nothing was read or written: jira: " in once.words) == (1, True), once.words
        assert "too many requests" in once.words
        with it.running() as agent:
            agent.wait_until_it_logs("hoist waits for it, and has not begun")
            agent.process.send_signal(signal.SIGTERM)
            out, err = agent.rest()
        assert (agent.process.returncode, "nothing was read or written" in out) == (0, True), err
        with it.running() as agent:
            agent.wait_until_it_logs("hoist waits for it, and has not begun")
            monkeypatch.setattr(UsedUp, "left", -1)
            agent.wait_until_it_runs()
        assert it.hoist("run", "--once").code == 0
        assert len(it.record()[1]) == 1


def test_a_reader_that_goes_away_is_no_error(it: Desk) -> None:
    """`hoist rules schema | head -1` ends without a traceback."""
    command = [*HOIST, "rules", "schema"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read() == ""


def test_the_settings_file_may_be_named_by_the_environment(it: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """HOIST_CONFIG names the file, and --config wins over it."""
    monkeypatch.setenv("HOIST_CONFIG", str(it.config))
    assert hoist("check").code == 0
    assert hoist("check", "--config", tmp_path / "other.yaml").code == 2


# --- sandbox -------------------------------------------------------------------------------------------------------------


def test_the_sandbox_writes_a_hoist_yaml_that_works(tmp_path: Path) -> None:
    """Beside `hoist sandbox jira --hoist-yaml` check, run and status work as they are; only its owner may read the token."""
    config = tmp_path / "hoist.yaml"
    command = [*SANDBOX, "--tickets", "20", "--hoist-yaml", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sandbox:
        try:
            assert sandbox.stdout is not None
            token = json.loads(sandbox.stdout.readline())["token"]
            assert (tmp_path / "hoist.yaml.token").stat().st_mode & 0o777 == 0o600
            assert token not in config.read_text(encoding="utf-8")
            assert hoist("check", "--config", config).code == 0
            run = hoist("run", "--once", "--config", config)
            assert (run.code, "0 writes" in run.words) == (0, True)
            assert hoist("status", "--config", config).code == 0
        finally:
            sandbox.terminate()
    assert sandbox.returncode == 0


def test_the_sandbox_never_replaces_a_file_of_somebodys_own(it: Desk) -> None:
    """A hoist.yaml that no sandbox wrote is left as it is, with exit code 2 and a sentence."""
    before = it.config.read_bytes()
    command = [*SANDBOX, "--hoist-yaml", str(it.config)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (said.returncode, said.stdout) == (2, "")
    assert "was not written by a sandbox; name another file" in said.stderr
    assert it.config.read_bytes() == before


# --- rules ---------------------------------------------------------------------------------------------------------------


def test_lint_lists_every_mistake_at_once(it: Desk) -> None:
    """`hoist rules lint` needs no helpdesk, names all mistakes with their places, and answers machines the same."""
    assert hoist("rules", "lint", it.folder / "protocol").code == 0
    it.write(rules=RULES.replace("when:", "whn:").replace("escalate: it", "escalate: its"))
    said = hoist("rules", "lint", it.folder / "protocol")
    assert said.code == 1
    assert "rules.yaml:4" in said.out
    assert "rules.yaml:7" in said.out
    found = hoist("rules", "lint", it.folder / "protocol", "--json")
    assert (found.code, len(found.json["problems"])) == (1, len(re.findall(r"^rules.yaml:", said.out, re.MULTILINE)))


def test_a_rule_file_in_another_encoding_is_named(it: Desk) -> None:
    """A rule file that is no UTF-8 is named itself, not only its folder, in words that a person can act on."""
    (it.folder / "protocol" / "rules.yaml").write_bytes("rules: [] # Köln".encode("latin-1"))
    said = hoist("rules", "lint", it.folder / "protocol")
    assert said.code == 1
    assert "rules.yaml:1:14:" in said.out
    assert "no text in UTF-8 from here on: save the file as that" in said.out


def test_the_schema_is_json(it: Desk) -> None:
    """`hoist rules schema` prints a JSON Schema that editors can use."""
    said = hoist("rules", "schema")
    assert said.code == 0
    assert said.json["$schema"].startswith("https://json-schema.org/")


def test_errors_of_hoist_hold_all_their_problems() -> None:
    """A ConfigError says each of its problems on a line of its own."""
    assert str(ConfigError("one", "two")) == "one\ntwo"
