"""The conformance suite: the promises of `connectors.contract` as tests, which every connector's own tests inherit.

For authors of connectors; it needs pytest, which the `test` extra brings and hoist itself does without. A connector joins with
a `Stage` (how a test makes people act at the far side) and one class:

    class TestMyPlatform(ConnectorConformance):
        @pytest.fixture
        def stage(self) -> Stage:
            return MyStage(...)

`pytest.register_assert_rewrite("connectors.testing")` in a conftest makes failures speak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from connectors.contract import Guard, Listed, Mark, Overwritten, Page
from connectors.errors import AskAdmin, Conflict, GiveUp, Gone, OutcomeUnknown, TryLater
from connectors.testing_stage import SETTLED, FarComment, FarTicket, Mirror, Stage
from rules.escalation import FieldChange, Operation, OperationKind
from rules.instants import MINUTE, SECOND
from rules.ticket import Change, Kind, Status, Ticket

__all__ = ["ConnectorConformance", "FarComment", "FarTicket", "Mirror", "Stage"]

BOTH_KINDS = pytest.mark.parametrize("kind", list(OperationKind))


def _census(stage: Stage) -> dict[str, Listed]:
    """A whole census; the last word on each ticket."""
    page = stage.connector.census(None)
    found = dict(page.tickets)
    while page.cursor is not None:
        page = stage.reconnect().census(page.cursor)
        found |= page.tickets
    return found


def _ids(pages: Sequence[Page]) -> list[str]:
    return [ticket.ref.id for page in pages for ticket in page.tickets]


class ConnectorConformance:
    """Inherit, and override `stage`."""

    @pytest.fixture
    def stage(self) -> Stage:
        """The connector under test with its far side."""
        raise NotImplementedError(f"{type(self).__name__} must override the fixture `stage`")

    # --- signing in ------------------------------------------------------------------------------------------------

    def test_identity_is_stable(self, stage: Stage) -> None:
        """hoist is the same account in the same instance each time it signs in, also after a restart."""
        first, again = stage.connector.identify(), stage.reconnect().identify()
        assert first.account
        assert first.instance
        assert (first.account, first.instance) == (again.account, again.instance)

    def test_wrong_credential_asks_the_administrator(self, stage: Stage) -> None:
        """A credential that is wrong is said to be so at sign-in."""
        stage.refuse_credential()
        with pytest.raises(AskAdmin):
            stage.reconnect().identify()

    def test_wrong_credential_makes_no_ticket_disappear(self, stage: Stage) -> None:
        """A credential that expires while hoist runs stops the source; no ticket counts as gone, and nothing as read."""
        (ticket,) = stage.some_tickets(1)
        operation = stage.operation(ticket)
        stage.refuse_credential()
        with pytest.raises(AskAdmin):
            stage.connector.read([ticket])
        with pytest.raises(AskAdmin):
            Mirror().run(stage.connector)
        with pytest.raises(AskAdmin):
            stage.connector.write(operation)

    def test_server_time_never_runs_ahead(self, stage: Stage) -> None:
        """A server time is at most one Date header's resolution behind the source's clock, and never ahead of it."""
        (ticket,) = stage.some_tickets(1)
        for odd in (0, 1, 998, 999, 1_733):
            stage.advance(odd)
            pages = Mirror().run(stage.connector)
            times = [stage.connector.identify().server_time, stage.connector.read([ticket]).server_time, pages[-1].server_time]
            assert all(0 <= stage.now() - time < stage.connector.capabilities.date_resolution for time in times)

    def test_directory_names_teams_and_ranks_priorities(self, stage: Stage) -> None:
        """Teams and priorities are known by id and name, the more urgent priority first, and nothing is to be mended."""
        directory = stage.connector.directory()
        assert all(directory.teams[team] for team in stage.teams)
        ranked = [priority for priority in directory.priorities if priority in stage.priorities]
        assert ranked == list(stage.priorities)
        assert not stage.connector.problems()

    # --- reading what changed --------------------------------------------------------------------------------------

    def test_each_version_is_handed_out_once(self, stage: Stage) -> None:
        """Every ticket arrives, once; later only the one that changed arrives again."""
        made = stage.some_tickets(stage.page_size * 2 + 1)
        stage.advance(SETTLED)
        mirror = Mirror()
        assert sorted(_ids(mirror.run(stage.connector))) == sorted(made)
        assert _ids(mirror.run(stage.connector)) == []
        stage.change(made[1], team=stage.teams[1])
        stage.advance(SETTLED)
        assert _ids(mirror.run(stage.connector)) == [made[1]]
        assert mirror.tickets[made[1]].fields["team"] == stage.teams[1]

    def test_only_the_last_page_is_complete(self, stage: Stage) -> None:
        """Pages are no larger than agreed, and only the last one says that everything was read."""
        stage.some_tickets(stage.page_size * 2 + 1)
        pages = Mirror().run(stage.connector)
        assert [page.complete for page in pages] == [False] * (len(pages) - 1) + [True]
        assert all(len(set(_ids([page]))) == len(page.tickets) <= stage.page_size for page in pages)

    def test_a_change_while_pages_are_read_is_not_lost(self, stage: Stage) -> None:
        """People who work on while hoist reads are not missed, wherever in the order their tickets stand."""
        made = stage.some_tickets(stage.page_size * 2 + 1)
        moved = {made[0], made[stage.page_size], made[-1]}
        mirror = Mirror()
        for number, page in enumerate(stage.connector.changed(None, mirror)):
            mirror.keep(page)
            if number == 0:
                for ticket in moved:
                    stage.change(ticket, team=stage.teams[2])
                stage.advance(SECOND)
        mirror.run(stage.connector)
        assert {id_ for id_, ticket in mirror.tickets.items() if ticket.fields["team"] == stage.teams[2]} == moved
        assert set(mirror.tickets) == set(made)

    def test_rows_seen_again_cost_no_detail_read(self, stage: Stage) -> None:
        """Tickets that the overlap shows again unchanged are counted, not read again."""
        stage.some_tickets(stage.page_size)
        stage.advance(SETTLED)
        mirror = Mirror()
        mirror.run(stage.connector)
        before = stage.detail_reads()
        pages = mirror.run(stage.connector)
        assert sum(page.unchanged for page in pages) >= 1
        assert stage.detail_reads() == before

    def test_a_run_resumes_after_a_stop_between_pages(self, stage: Stage) -> None:
        """After a crash between two pages the next run goes on from the one that was kept, and hands out each ticket once."""
        made = stage.some_tickets(stage.page_size * 3)
        stage.advance(SETTLED)
        mirror = Mirror()
        first = next(iter(stage.connector.changed(None, mirror)))
        mirror.keep(first)
        rest = mirror.run(stage.reconnect())
        assert sorted(_ids([first, *rest])) == sorted(made)

    def test_late_index_loses_nothing(self, stage: Stage) -> None:
        """A change that search shows a minute late is handed out then, and until then the horizon does not claim it."""
        made = stage.some_tickets(stage.page_size + 1)
        mirror = Mirror()
        mirror.run(stage.connector)
        stage.lag_search(MINUTE - SECOND)
        changed = stage.now()
        stage.change(made[0], team=stage.teams[1])
        for _ in range(3):
            stage.advance(SECOND)
            pages = mirror.run(stage.connector)
            assert mirror.tickets[made[0]].fields["team"] == stage.teams[1] or pages[-1].horizon < changed
        stage.advance(MINUTE)
        mirror.run(stage.connector)
        assert mirror.tickets[made[0]].fields["team"] == stage.teams[1]

    def test_rows_that_overtake_each_other_are_not_lost(self, stage: Stage) -> None:
        """A change that search shows after a later one is handed out although hoist has read past its place."""
        slow, quick = stage.some_tickets(2)
        mirror = Mirror()
        mirror.run(stage.connector)
        stage.lag_search(MINUTE - SECOND)
        stage.change(slow, team=stage.teams[1])
        stage.lag_search(0)
        stage.advance(SECOND)
        stage.change(quick, team=stage.teams[1])
        stage.advance(SETTLED)
        for _ in range(3):
            mirror.run(stage.connector)
        assert mirror.tickets[quick].fields["team"] == stage.teams[1]
        stage.advance(MINUTE)
        mirror.run(stage.connector)
        assert mirror.tickets[slow].fields["team"] == stage.teams[1]

    # --- the census ------------------------------------------------------------------------------------------------

    def test_a_census_lists_all_that_is_there(self, stage: Stage) -> None:
        """A census names every ticket once it is through, none that was deleted, and versions that the mirror knows them by."""
        made = stage.some_tickets(stage.page_size * 2 + 1)
        stage.delete(made.pop(1))
        stage.advance(SETTLED)
        mirror = Mirror()
        mirror.run(stage.connector)
        listed = _census(stage)
        assert set(listed) == set(made)
        assert {id_ for id_, each in listed.items() if each.version == mirror.tickets[id_].version} == set(made)
        assert all(each.updated is not None and each.updated <= stage.now() for each in listed.values())

    def test_a_census_shows_what_changed_meanwhile(self, stage: Stage) -> None:
        """A ticket that changed after it was mirrored is listed with another version and the time of that change."""
        made = stage.some_tickets(2)
        mirror = Mirror()
        stage.advance(SETTLED)
        mirror.run(stage.connector)
        changed = stage.now()
        stage.change(made[0], team=stage.teams[1])
        stage.advance(SETTLED)
        listed = _census(stage)
        assert listed[made[0]].version != mirror.tickets[made[0]].version
        assert listed[made[0]].updated == changed

    def test_a_wrong_credential_counts_nothing(self, stage: Stage) -> None:
        """A credential that expires never makes a helpdesk look empty."""
        stage.some_tickets(1)
        stage.refuse_credential()
        with pytest.raises(AskAdmin):
            stage.connector.census(None)

    # --- reading afresh --------------------------------------------------------------------------------------------

    def test_read_is_fresh_while_search_lags(self, stage: Stage) -> None:
        """A read shows what was saved a moment ago, with its history and comments, while search does not know it yet."""
        stage.lag_search(MINUTE - SECOND)
        (ticket,) = stage.some_tickets(1)
        before = stage.read(ticket)
        stage.change(ticket, team=stage.teams[1])
        stage.say(ticket, stage.staff, "Looking at it.", public=False)
        after = stage.read(ticket)
        assert after.fields["team"] == stage.teams[1]
        assert [change.field for change in after.changes] == ["team"]
        assert len(after.messages) == 1
        assert after.version != before.version

    def test_read_names_the_gone(self, stage: Stage) -> None:
        """A deleted ticket is named as gone; the others of the same read arrive."""
        kept, deleted = stage.some_tickets(2)
        stage.delete(deleted)
        reading = stage.connector.read([deleted, kept])
        assert list(reading.gone) == [deleted]
        assert [ticket.ref.id for ticket in reading.tickets] == [kept]

    def test_history_is_ordered_and_without_gaps(self, stage: Stage) -> None:
        """Changes come in their order, each beginning with the value the one before left, the last with the present value."""
        (ticket,) = stage.some_tickets(1)
        begun = stage.now()
        for values in (
            {"team": stage.teams[1]},
            {"team": stage.teams[2], "priority": stage.priorities[0]},
            {"assignee": stage.staff, "status": Status.OPEN.value},
            {"team": stage.teams[1]},
        ):
            stage.change(ticket, **values)
            stage.advance(SECOND)
        read = stage.read(ticket)
        assert list(read.changes) == sorted(read.changes, key=lambda change: (change.at, change.sequence))
        assert _values(read, "team") == [*stage.teams, stage.teams[1]]
        assert _values(read, "priority") == [stage.priorities[1], stage.priorities[0]]
        assert _values(read, "assignee") == [None, stage.staff]
        assert _values(read, "status")[-1] == Status.OPEN
        moved = _of(read, "team")
        assert [change.at for change in moved] == [begun, begun + SECOND, begun + 3 * SECOND]
        assert _of(read, "priority")[0].save == moved[1].save != moved[0].save
        assert {change.known for change in read.changes} == {read.known}
        assert read.complete_from == read.created

    def test_actors_are_told_apart(self, stage: Stage) -> None:
        """The agent, the requester and hoist's own account are known for what they are."""
        (ticket,) = stage.some_tickets(1)
        stage.change(ticket, assignee=stage.staff)
        stage.say(ticket, stage.requester, "Any news?", public=True)
        stage.connector.write(stage.operation(ticket))
        read = stage.read(ticket)
        account = stage.connector.identify().account
        assert {(c.by.id, c.by.kind) for c in _of(read, "assignee")} == {(stage.staff, Kind.STAFF)}
        assert {(c.by.id, c.by.kind) for c in _of(read, "team")} == {(account, Kind.OWN_ACCOUNT)}
        assert [(m.by.id, m.by.kind) for m in read.messages] == [(stage.requester, Kind.REQUESTER)]

    def test_public_and_internal_comments_are_told_apart(self, stage: Stage) -> None:
        """A note among colleagues is never taken for a reply to the requester."""
        (ticket,) = stage.some_tickets(1)
        for public in (True, False):
            stage.say(ticket, stage.staff, "Replaced the switch.", public=public)
            stage.advance(SECOND)
        assert [message.public for message in stage.read(ticket).messages] == [True, False]

    # --- writing ---------------------------------------------------------------------------------------------------

    def test_fields_move_in_one_save(self, stage: Stage) -> None:
        """Team, priority and label change together, once, and the record names hoist's marker with nobody overwritten."""
        (ticket,) = stage.some_tickets(1)
        operation = stage.operation(ticket)
        receipt = stage.connector.write(operation)
        far = stage.far(ticket)
        assert (far.team, far.priority, far.saves) == (stage.teams[1], stage.priorities[0], 1)
        assert "escalated" in far.labels
        assert receipt.operation == operation.key
        found = stage.connector.verify(operation)
        assert (found.found, found.at, found.overwritten, found.problems) == (True, stage.now(), (), ())

    def test_labels_of_others_stay(self, stage: Stage) -> None:
        """A second label joins the first one."""
        (ticket,) = stage.some_tickets(1)
        ref = stage.read(ticket).ref
        for label in ("first", "second"):
            stage.connector.write(Operation(f"{ref}/{label}", OperationKind.FIELDS, ref, f"{label}77", add_labels=(label,)))
        assert set(stage.far(ticket).labels) == {"first", "second"}
        assert stage.read(ticket).fields["labels"] == ("first", "second")

    def test_labels_can_be_taken_off(self, stage: Stage) -> None:
        """A label that hoist added is taken off together with a field that goes back, and those of others stay."""
        (ticket,) = stage.some_tickets(1)
        if "remove_labels" not in stage.connector.capabilities.writes:
            pytest.skip("this platform can't take labels off")
        ref = stage.read(ticket).ref
        stage.connector.write(Operation(f"{ref}/on", OperationKind.FIELDS, ref, "77cc", add_labels=("lifted", "vip")))
        stage.advance(SECOND)
        changes = (FieldChange("priority", stage.priorities[1], stage.priorities[0]),)
        key, planned_at = f"{ref}/off", stage.now()
        off = Operation(key, OperationKind.FIELDS, ref, "77dd", (), changes, planned_at=planned_at, remove_labels=("lifted",))
        stage.connector.write(off)
        assert stage.far(ticket).labels == ("vip",)
        assert stage.far(ticket).priority == stage.priorities[0]
        found = stage.connector.verify(off)
        assert (found.found, found.overwritten, found.problems) == (True, (), ())

    def test_a_label_alone_can_be_taken_off(self, stage: Stage) -> None:
        """Taking off a label is found in the record, also where nothing else was written; what was never sent is not."""
        (ticket,) = stage.some_tickets(1)
        if "remove_labels" not in stage.connector.capabilities.writes:
            pytest.skip("this platform can't take labels off")
        ref = stage.read(ticket).ref
        stage.connector.write(Operation(f"{ref}/on", OperationKind.FIELDS, ref, "77cc", add_labels=("lifted",)))
        stage.advance(SECOND)
        key, planned_at = f"{ref}/off", stage.now()
        off = Operation(key, OperationKind.FIELDS, ref, "77dd", planned_at=planned_at, remove_labels=("lifted",))
        assert stage.connector.verify(off).found is False
        stage.lose_next_answer()
        with pytest.raises(OutcomeUnknown):
            stage.connector.write(off)
        assert stage.far(ticket).labels == ()
        assert stage.connector.verify(off).found is True

    def test_assignee_can_be_cleared(self, stage: Stage) -> None:
        """A ticket that is handed to a team leaves its former owner."""
        (ticket,) = stage.some_tickets(1)
        stage.change(ticket, assignee=stage.staff)
        ref = stage.read(ticket).ref
        operation = Operation(str(ref), OperationKind.FIELDS, ref, "77aa", (), (FieldChange("assignee", stage.staff, None),))
        stage.connector.write(operation)
        assert stage.far(ticket).assignee is None
        assert stage.connector.verify(operation).problems == ()

    def test_comment_is_internal(self, stage: Stage) -> None:
        """What hoist writes can't be read by the requester, and the record names its marker and which message it is."""
        (ticket,) = stage.some_tickets(1)
        operation = stage.operation(ticket, OperationKind.COMMENT)
        receipt = stage.connector.write(operation)
        (comment,) = stage.far(ticket).comments
        assert not comment.public
        assert "Without an owner for 20 minutes." in comment.text
        found = stage.connector.verify(operation)
        assert (found.found, found.problems) == (True, ())
        assert receipt.native_id in {found.native_id, ""}
        assert [each.public for each in stage.read(ticket).messages if each.id == found.native_id] == [False]

    def test_marks_can_be_read_back(self, stage: Stage) -> None:
        """What hoist wrote on a ticket can be told from the ticket alone: marks of fields and comment, and of their firings."""
        (ticket,) = stage.some_tickets(1)
        assert not stage.connector.marks(ticket)
        fields, comment = stage.operation(ticket), stage.operation(ticket, OperationKind.COMMENT, "77aa88bb99cc")
        stage.say(ticket, stage.staff, "5f3a9c0e71d2", public=False)
        stage.connector.write(fields)
        stage.connector.write(comment)
        found = set(stage.reconnect().marks(ticket))
        assert found == {fields.marker, comment.marker, *fields.firing_markers, *comment.firing_markers}

    def test_which_hoist_wrote_is_seen_by_any_read(self, stage: Stage) -> None:
        """A write names its installation: a fresh read and the next run show it, whoever reads."""
        (ticket,) = stage.some_tickets(1)
        operation = replace(stage.operation(ticket), installation="0123456789abcdef", installed_at=7)
        assert ticket not in stage.connector.read([ticket]).marks
        stage.connector.write(operation)
        mark = Mark(operation.marker, "0123456789abcdef", 7, operation.planned_at)
        assert stage.reconnect().read([ticket]).marks == {ticket: mark}
        seen = [page.marks.get(ticket) for page in Mirror().run(stage.reconnect())]
        assert mark in seen

    @BOTH_KINDS
    def test_what_was_never_sent_is_not_found(self, stage: Stage, kind: OperationKind) -> None:
        """The record of a ticket that hoist wrote to before does not vouch for an operation that was never sent."""
        (ticket,) = stage.some_tickets(1)
        stage.connector.write(stage.operation(ticket, kind, marker="0ld0ld0ld"))
        stage.advance(SETTLED)
        assert stage.connector.verify(stage.operation(ticket, kind, marker="never0sent")).found is False

    @BOTH_KINDS
    def test_a_record_that_does_not_show_it_is_dated(self, stage: Stage, kind: OperationKind) -> None:
        """That a write is not there is said of an instant: a cache on the way gives out a record of before the write, too."""
        (ticket,) = stage.some_tickets(1)
        operation = stage.operation(ticket, kind)
        before = stage.connector.verify(operation)
        stage.advance(SETTLED)
        later = stage.connector.verify(operation)
        assert (before.found, later.found) == (False, False)
        assert before.server_time is not None
        assert later.server_time is not None
        assert before.server_time < later.server_time

    @BOTH_KINDS
    def test_a_person_can_not_forge_a_marker(self, stage: Stage, kind: OperationKind) -> None:
        """A marker that a requester types into a comment is text and nothing else."""
        (ticket,) = stage.some_tickets(1)
        operation = stage.operation(ticket, kind)
        stage.say(ticket, stage.requester, f"{operation.marker} {operation.firing_markers[0]}", public=True)
        assert stage.connector.verify(operation).found is False

    @BOTH_KINDS
    def test_a_lost_answer_is_found_in_the_record(self, stage: Stage, kind: OperationKind) -> None:
        """Where the answer is lost the outcome is unknown, one request was sent, and the record tells that it took effect."""
        (ticket,) = stage.some_tickets(1)
        operation = stage.operation(ticket, kind)
        before = stage.writes()
        stage.lose_next_answer()
        with pytest.raises(OutcomeUnknown):
            stage.connector.write(operation)
        assert stage.writes() == before + 1
        stage.advance(int(stage.connector.capabilities.request_life_seconds * SECOND))
        assert stage.reconnect().verify(operation).found is True

    @BOTH_KINDS
    def test_a_throttled_write_is_not_retried(self, stage: Stage, kind: OperationKind) -> None:
        """A write that is turned away for now tells how long to wait, was sent once, and left nothing."""
        (ticket,) = stage.some_tickets(1)
        operation = stage.operation(ticket, kind)
        before, far = stage.writes(), stage.far(ticket)
        stage.throttle_next_write(30)
        with pytest.raises(TryLater) as turned_away:
            stage.connector.write(operation)
        assert turned_away.value.seconds >= 30
        assert stage.writes() == before + 1
        assert stage.far(ticket) == far
        assert stage.reconnect().verify(operation).found is False  # the other one may rest for as long as it was told

    def test_writing_twice_is_visible(self, stage: Stage) -> None:
        """Each call sends exactly one request: whoever writes a comment twice finds it twice."""
        (ticket,) = stage.some_tickets(1)
        operation = stage.operation(ticket, OperationKind.COMMENT)
        before = stage.writes()
        for _ in range(2):
            stage.connector.write(operation)
        assert stage.writes() == before + 2
        assert len(stage.far(ticket).comments) == 2

    def test_a_person_who_was_first_is_not_overwritten_silently(self, stage: Stage) -> None:
        """A team chosen between hoist's read and its write is kept by the platform, or named afterwards for putting back."""
        (ticket,) = stage.some_tickets(1)
        operation = stage.operation(ticket)
        stage.before_next_write(lambda: stage.change(ticket, team=stage.teams[2]))
        guard = stage.connector.capabilities.promises[OperationKind.FIELDS].guard
        if guard is Guard.REFUSED:
            with pytest.raises(Conflict):
                stage.connector.write(operation)
            assert stage.far(ticket).team == stage.teams[2]
            return
        stage.connector.write(operation)
        assert stage.far(ticket).team == stage.teams[1]
        if guard is Guard.PUT_BACK:
            found = stage.connector.verify(operation)
            assert found.found is True
            assert found.overwritten == (Overwritten("team", stage.teams[2], stage.teams[1]),)

    def test_a_change_after_the_write_is_nobody_overwritten(self, stage: Stage) -> None:
        """A person who changes the team after hoist did is not mistaken for one who was overwritten."""
        (ticket,) = stage.some_tickets(1)
        operation = stage.operation(ticket)
        stage.connector.write(operation)
        stage.advance(SECOND)
        stage.change(ticket, team=stage.teams[2])
        found = stage.connector.verify(operation)
        assert (found.found, found.overwritten) == (True, ())

    @pytest.mark.parametrize("field", ["team", "priority"])
    def test_an_unknown_value_is_given_up(self, stage: Stage, field: str) -> None:
        """A team or priority that the platform does not have is refused for good, in its own words, and nothing is written."""
        (ticket,) = stage.some_tickets(1)
        ref, far = stage.read(ticket).ref, stage.far(ticket)
        changes = (FieldChange(field, getattr(far, field), "999999"),)
        with pytest.raises(GiveUp, match=stage.refusal):
            stage.connector.write(Operation(str(ref), OperationKind.FIELDS, ref, "77bb", (), changes, ("escalated",)))
        assert stage.far(ticket) == far

    @BOTH_KINDS
    def test_a_gone_ticket_is_not_written(self, stage: Stage, kind: OperationKind) -> None:
        """A ticket that was deleted is said to be gone, whatever was to be written."""
        (ticket,) = stage.some_tickets(1)
        operation = stage.operation(ticket, kind)
        stage.delete(ticket)
        with pytest.raises(Gone):
            stage.connector.write(operation)

    @BOTH_KINDS
    def test_the_record_of_a_gone_ticket_proves_nothing(self, stage: Stage, kind: OperationKind) -> None:
        """After a deletion nobody can tell whether an operation took effect, and hoist concludes neither."""
        (ticket,) = stage.some_tickets(1)
        operation = stage.operation(ticket, kind)
        stage.connector.write(operation)
        stage.delete(ticket)
        assert stage.connector.verify(operation).found is None


def _of(ticket: Ticket, field: str) -> list[Change]:
    return [change for change in ticket.changes if change.field == field]


def _values(ticket: Ticket, field: str) -> list[object]:
    """The values that a field went through; fails where a change does not begin with what the one before left."""
    changes = _of(ticket, field)
    assert [change.new for change in changes[:-1]] == [change.old for change in changes[1:]]
    assert changes[-1].new == ticket.fields[field]
    return [changes[0].old, *(change.new for change in changes)]
