import json
from pathlib import Path

import pytest

from agent.config import length_of_time, load_settings
from agent.errors import ConfigError
from agent.outside.links import Links
from rules.instants import DAY, HOUR, MINUTE, SECOND

SOURCE = {
    "platform": "jira",
    "url": "https://example.atlassian.net",
    "username": "hoist@example.com",
    "token": "env:HOIST_JIRA_TOKEN",
    "projects": ["ITSM"],
    "tier_field": {"kind": "component"},
}


def written(folder: Path, content: object) -> Path:
    file = folder / "hoist.yaml"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("60 seconds", MINUTE),
        ("1 second", SECOND),
        ("30m", 30 * MINUTE),
        ("12 hours", 12 * HOUR),
        ("36h", 36 * HOUR),
        (" 2d ", 2 * DAY),
        ("1 day", DAY),
    ],
)
def test_lengths_of_time_are_read_as_people_write_them(text: str, milliseconds: int) -> None:
    """`60 seconds`, `30m`, `12 hours` and `2d` mean what they say."""
    assert length_of_time(text) == milliseconds


@pytest.mark.parametrize("text", ["", "5", "-1d", "0 s", "1.5h", "2 weeks", "1d2h", "9999999d", "ten minutes", "1 d d"])
def test_other_lengths_of_time_are_refused_with_an_example(text: str) -> None:
    """What is no length of time is quoted, with how to write one."""
    with pytest.raises(ValueError, match="write it like 60 seconds, 30m, 12 hours or 2d"):
        length_of_time(text)


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    """Store and protocol lie beside hoist.yaml, a source is polled every minute and may differ by five."""
    settings = load_settings(written(tmp_path, {"sources": {"jira-cloud": SOURCE}}), {})
    [source] = settings.sources
    assert (settings.store, settings.protocol) == (tmp_path / "hoist.db", tmp_path / "protocol")
    assert (source.name, source.platform, source.poll_every, source.skew_limit) == ("jira-cloud", "jira", MINUTE, 5 * MINUTE)


def test_paths_are_those_of_the_file_and_the_environment_wins(tmp_path: Path) -> None:
    """`store:` and `protocol:` are relative to hoist.yaml; HOIST_STORE and HOIST_PROTOCOL replace them."""
    file = written(tmp_path, {"store": "state/h.db", "protocol": "../rules", "sources": {"a": SOURCE}})
    settings = load_settings(file, {})
    assert (settings.store, settings.protocol) == (tmp_path / "state/h.db", (tmp_path / "../rules").resolve())
    settings = load_settings(file, {"HOIST_STORE": "/var/lib/hoist/h.db", "HOIST_PROTOCOL": "here"})
    assert (settings.store, settings.protocol) == (Path("/var/lib/hoist/h.db"), tmp_path / "here")


def test_paths_within_a_source_are_those_of_the_file_too(tmp_path: Path) -> None:
    """ca_file and secrets in files lie where hoist.yaml says, wherever hoist was started; absolute paths stay."""
    (tmp_path / "token").write_text("zq", encoding="utf-8")
    jira = SOURCE | {"token": "file:token", "ca_file": "own.pem"}
    snow = {
        "platform": "servicenow",
        "url": "https://example.service-now.com",
        "username": "hoist",
        "auth": {"kind": "certificate", "certificate": "tls/hoist.pem", "key": "/run/hoist.key"},
    }
    settings = load_settings(written(tmp_path, {"sources": {"a": jira, "b": snow}}), {})
    first, second = (json.loads(source.settings.model_dump_json()) for source in settings.sources)
    assert (first["token"], first["ca_file"]) == (f"file:{tmp_path / 'token'}", str(tmp_path / "own.pem"))
    assert (second["auth"]["certificate"], second["auth"]["key"]) == (str(tmp_path / "tls/hoist.pem"), "/run/hoist.key")


def test_the_file_is_found_by_the_environment(tmp_path: Path) -> None:
    """HOIST_CONFIG names hoist.yaml where no option does."""
    file = written(tmp_path, {"sources": {"a": SOURCE}})
    assert load_settings(None, {"HOIST_CONFIG": str(file)}).sources[0].name == "a"


def test_all_mistakes_are_listed_at_once_with_their_places(tmp_path: Path) -> None:
    """Several mistakes in several sources are told in one go, each with file, line and column."""
    (tmp_path / "hoist.yaml").write_text(
        "stor: x\n"
        "sources:\n"
        "  one:\n"
        "    platform: jira\n"
        "    url: https://example.atlassian.net\n"
        "    usernam: hoist@example.com\n"
        "    token: env:T\n"
        "    projects: [itsm]\n"
        "    tier_field: {kind: select}\n"
        "    poll_every: now and then\n"
        "  two: {platform: remedy}\n"
        "  three: 3\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path / "hoist.yaml", {})
    problems = caught.value.problems
    assert [problem.split(" ", 1)[0] for problem in problems] == [
        "hoist.yaml:1:1:",
        "hoist.yaml:10:17:",
        "hoist.yaml:8:16:",
        "hoist.yaml:9:17:",
        "hoist.yaml:6:14:",
        "hoist.yaml:11:19:",
        "hoist.yaml:12:10:",
    ]
    assert "did you mean store?" in problems[0]
    assert "one.usernam is no setting of this platform; did you mean username?" in problems[4]
    assert "there is no connector for the platform 'remedy'" in problems[5]


@pytest.mark.parametrize("field", ["token", "url", "username", "projects"])
def test_what_was_written_is_never_repeated(field: str, tmp_path: Path) -> None:
    """A wrong value may be a secret in the wrong place: the message names its place and not its text."""
    file = written(tmp_path, {"sources": {"a": SOURCE | {field: {"hunter2-hunter2": "hunter2-hunter2"}}}})
    with pytest.raises(ConfigError) as caught:
        load_settings(file, {})
    assert "hunter2" not in str(caught.value)
    assert f"a.{field}" in str(caught.value)


def test_a_folder_is_no_settings_file(tmp_path: Path) -> None:
    """Naming a folder is answered with what to name instead."""
    with pytest.raises(ConfigError, match="is a folder: name the file"):
        load_settings(tmp_path, {})


def test_the_example_of_the_documentation_works(tmp_path: Path) -> None:
    """The hoist.yaml of docs/operations.md loads as it stands there."""
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    (tmp_path / "hoist.yaml").write_text(page.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    assert [source.name for source in load_settings(tmp_path / "hoist.yaml", {}).sources] == ["jira-cloud"]


def test_links_say_how_urls_of_the_protocol_are_read(tmp_path: Path) -> None:
    """How often, which private hosts may be asked, and whose certificates count; the copies lie beside the store."""
    (tmp_path / "own.pem").write_text("", encoding="utf-8")
    links = {"read_every": "1 hour", "private_hosts": ["Rota.internal"], "ca_file": "own.pem"}
    settings = load_settings(written(tmp_path, {"sources": {"desk": {"platform": "memory"}}, "links": links}), {})
    assert settings.links == Links(HOUR, frozenset({"rota.internal"}), tmp_path / "own.pem")
    assert settings.copies == tmp_path / "hoist-copies"


def test_mistakes_in_links_are_named(tmp_path: Path) -> None:
    """Each with its place, all at once."""
    links = {"read_evry": "1 hour", "private_hosts": ["https://rota.internal/"], "ca_file": "none.pem"}
    with pytest.raises(ConfigError) as raised:
        load_settings(written(tmp_path, {"sources": {"desk": {"platform": "memory"}}, "links": links}), {})
    said = str(raised.value)
    assert "did you mean read_every?" in said
    assert "expected names of hosts" in said
    assert "links.ca_file: there is no such file" in said


@pytest.mark.parametrize(
    ("written_down", "writes", "requests"),
    [
        ({}, 8, 9),
        ({"writes_at_once": 32}, 32, 33),
        ({"concurrent_requests": 4}, 3, 4),
        ({"concurrent_requests": 1}, 1, 1),
        ({"concurrent_requests": 20}, 8, 20),
        ({"writes_at_once": 3, "concurrent_requests": 4}, 3, 4),
    ],
)
def test_writes_and_the_reader_fit_into_the_concurrent_requests(
    tmp_path: Path, written_down: dict[str, int], writes: int, requests: int
) -> None:
    """Of writes_at_once and concurrent_requests each follows from the other, with one request left for reading."""
    [source] = load_settings(written(tmp_path, {"sources": {"jira-cloud": SOURCE | written_down}}), {}).sources
    assert (source.writes_at_once, source.settings.model_dump()["concurrent_requests"]) == (writes, requests)


def test_more_writes_than_requests_are_refused(tmp_path: Path) -> None:
    """Two settings that contradict each other are named with the number that would do."""
    file = written(tmp_path, {"sources": {"jira-cloud": SOURCE | {"writes_at_once": 8, "concurrent_requests": 8}}})
    with pytest.raises(ConfigError, match="concurrent_requests: 8 writes_at_once and one request that reads need 9 of them"):
        load_settings(file, {})


def test_other_hoists_that_are_gone_for_good_are_named_by_their_installation(tmp_path: Path) -> None:
    """`retired_installations` takes what hoist's own message names, one or several; anything else is refused with an example."""
    gone = ["5f0c2a9be41d7730", "00ff00ff00ff00ff"]
    found = load_settings(written(tmp_path, {"sources": {"a": {**SOURCE, "retired_installations": gone}}}), {})
    assert found.sources[0].retired_installations == frozenset(gone)
    with pytest.raises(ConfigError) as caught:
        load_settings(written(tmp_path, {"sources": {"a": {**SOURCE, "retired_installations": ["the old one"]}}}), {})
    assert "a.retired_installations: expected installations" in caught.value.problems[0]
