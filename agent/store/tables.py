"""The tables. Instants are milliseconds on the clock of the ticket's source; texts named body, data or raw hold JSON."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text

metadata: Final = MetaData()

installation: Final = Table(
    "installation",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

sources: Final = Table(
    "sources",
    metadata,
    Column("source", Text, primary_key=True),
    Column("instance", Text, nullable=False, server_default=""),
    Column("account", Text, nullable=False, server_default=""),
    Column("cursor", Text),  # opaque, the connector's own
    Column("horizon", BigInteger, nullable=False, server_default="0"),  # read completely up to here
    Column("polled_at", BigInteger, nullable=False, server_default="0"),
    Column("generation", Integer, nullable=False, server_default="0"),  # rises with every new rulebook or world
    Column("looked_with", Text, nullable=False, server_default=""),  # the versions that the generation stands for
    Column("directory", Text, nullable=False, server_default="{}"),
    Column("problem", Text, nullable=False, server_default=""),  # why the source stands still; empty while it goes
    Column("clock_ahead", BigInteger),  # milliseconds by which its clock is ahead of this machine's
)

activations: Final = Table(
    "activations",
    metadata,
    Column("source", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("activated_at", BigInteger, nullable=False),  # what began earlier is backlog
    Column("queued", Integer, nullable=False, server_default="0"),  # steps of the backlog that wait for their turn
    Column("next_turn", BigInteger, nullable=False, server_default="0"),  # when the next of them is let through
    Column("wording", Text, nullable=False, server_default=""),  # a hash of what makes the rule hold
    Column("reworded_at", BigInteger, nullable=False, server_default="0"),  # what was due earlier and never fired is backlog
    PrimaryKeyConstraint("source", "rule"),
)

tickets: Final = Table(
    "tickets",
    metadata,
    Column("source", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("version", Text, nullable=False),  # the platform's stamp: the ledger of what was read
    Column("revision", Integer, nullable=False),  # rises with every change of the row; guards decisions
    Column("known", BigInteger, nullable=False),
    Column("gone", BigInteger),
    Column("urgency", Integer, nullable=False),  # 0 is the most urgent priority
    Column("next_look", BigInteger, nullable=False),
    Column("generation", Integer, nullable=False),  # the one next_look was computed under
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("source", "id"),
    Index("tickets_by_next_look", "source", "next_look"),
    Index("tickets_by_generation", "source", "generation", "urgency"),
    Index("tickets_by_key", "source", "key"),
)

episodes: Final = Table(
    "episodes",
    metadata,
    Column("source", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("anchor", BigInteger, nullable=False),
    Column("fired_at", BigInteger, nullable=False),
    Column("backlog", Integer, nullable=False),  # 1: was true before its rule was activated
    Column("firings", Text, nullable=False, server_default="[]"),  # JSON list of [steps, confirmed, applied at or null]
    Column("text", Text, nullable=False, server_default=""),  # version of its rule's text, where it keeps to that
    PrimaryKeyConstraint("source", "ticket", "rule", "number"),
)

rule_texts: Final = Table(  # texts of rules whose escalations under way keep to them
    "rule_texts",
    metadata,
    Column("version", Text, primary_key=True),
    Column("rule", Text, nullable=False),  # under which it was first in force
    Column("data", Text, nullable=False),  # rules.rule_text
    Column("at", BigInteger, nullable=False),  # since when, on this machine's clock
)

rulebooks: Final = Table(  # every version of the rules that was ever in force
    "rulebooks",
    metadata,
    Column("version", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),  # since when, on this machine's clock
    Column("texts", Text, nullable=False),  # JSON: file names of the protocol and of the library, each with the hash of its text
)

protocol_texts: Final = Table(  # the files of a protocol, each text once
    "protocol_texts",
    metadata,
    Column("hash", Text, primary_key=True),  # SHA-256 of its UTF-8
    Column("text", Text, nullable=False),
)

plans: Final = Table(  # plans that somebody applied; instants on this machine's clock
    "plans",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("plan", Text, nullable=False),  # its hash; "" for the rules as they were found
    Column("state", Text, nullable=False),  # agent.store.plans.PlanState
    Column("version", Text, nullable=False),  # of its rules
    Column("base", Text, nullable=False),  # of the rules before
    Column("at", BigInteger, nullable=False),  # from when on it is to be in force
    Column("applied_at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("body", Text, nullable=False),  # what it releases: agent.plan.file
    Column("since", Text, nullable=False, server_default="{}"),  # by source, on its clock: when it was taken over
    Column("problem", Text, nullable=False, server_default=""),  # why it was refused when its instant came
    Index("plans_by_state", "state"),
)

outbox: Final = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("step", Integer, nullable=False),
    Column("state", Text, nullable=False),  # agent.store.states.RowState
    Column("instant", BigInteger, nullable=False),  # since when the step is due
    Column("planned_at", BigInteger, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("urgency", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("lease_until", BigInteger, nullable=False),
    Column("confirmed_at", BigInteger),  # server time of the fresh read that the write rests on
    Column("settled_at", BigInteger),
    Column("escalation", Integer),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("because", Text, nullable=False, server_default="[]"),  # JSON list of sentences
    Column("problem", Text, nullable=False, server_default=""),
    Column("run", Integer),  # the run with which it was held for approval
    Column("let_at", BigInteger),  # when it was let through the limits: approved, or as one of a run that may go on
    Column("approved", Text),  # JSON: the values that somebody approved
    Index("outbox_key", "source", "ticket", "rule", "number", "step", unique=True),
    Index("outbox_by_state", "source", "state", "not_before"),
    Index("outbox_by_turn", "source", "state", "urgency", "instant", "id"),
    Index("outbox_by_escalation", "escalation"),
    Index("outbox_by_run", "run", "state"),
)

escalations: Final = Table(
    "escalations",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("confirmed_at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Index("escalations_by_time", "source", "confirmed_at"),
)

pauses: Final = Table(  # somebody said that nothing is to be written
    "pauses",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),  # empty: every source
    Column("rule", Text, nullable=False),  # empty: every rule
    Column("since", BigInteger, nullable=False),  # this machine's clock, like all times of a pause
    Column("until", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
)

pause_releases: Final = Table(  # the sources that go on after a pause, and since when, on their own clock
    "pause_releases",
    metadata,
    Column("pause", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    PrimaryKeyConstraint("pause", "source"),
)

runs: Final = Table(  # what was due beyond a limit, and is held until somebody approves it
    "runs",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),
    Column("scope", Text, nullable=False),  # agent.store.runs.Scope
    Column("name", Text, nullable=False),  # of the rule, or the ticket's id; empty for a source
    Column("since", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
    Column("fault", Text, nullable=False, server_default=""),  # why nothing of it goes on; empty where some may
    Column("closed_at", BigInteger),  # when nothing of it was held any more
    Index("runs_open", "source", "closed_at"),
)

snoozes: Final = Table(  # tickets that hoist leaves alone for a while
    "snoozes",
    metadata,
    Column("source", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    PrimaryKeyConstraint("source", "ticket"),
)

operations: Final = Table(
    "operations",
    metadata,
    Column("key", Text, primary_key=True),
    Column("escalation", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),  # agent.store.states.OperationState
    Column("body", Text, nullable=False),
    Column("fence", Integer, nullable=False, server_default="0"),  # rises each time it is committed as sent
    Column("undoes", Text, nullable=False, server_default=""),  # key of the operation whose overwriting this one puts back
    Column("sent_at", BigInteger),
    Column("accepted_at", BigInteger),  # server time of the platform's own yes, where one came
    Column("look_at", BigInteger),  # of an unknown outcome: when the marker may be looked for
    Column("settled_at", BigInteger),
    Column("native_id", Text, nullable=False, server_default=""),
    Column("problem", Text, nullable=False, server_default=""),
    Index("operations_by_ticket", "source", "ticket"),
    Index("operations_by_state", "source", "state", "look_at"),
    Index("operations_by_escalation", "escalation", "position"),
)

orders: Final = Table(  # what people order to be done to a ticket
    "orders",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("kind", Text, nullable=False),  # agent.store.orders.OrderKind
    Column("state", Text, nullable=False),  # agent.store.orders.OrderState
    Column("body", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("ordered_at", BigInteger, nullable=False),
    Column("not_before", BigInteger, nullable=False),  # of one under way: the end of its worker's lease; at its end: for ever
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("escalation", Integer),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("settled_at", BigInteger),
    Column("problem", Text, nullable=False, server_default=""),
    Index("orders_by_state", "source", "state", "not_before"),
    Index("orders_by_time", "source", "not_before"),
    Index("orders_by_ticket", "source", "ticket"),
)

brakes: Final = Table(  # a loop with an automation of the helpdesk was stopped
    "brakes",
    metadata,
    Column("source", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
    Column("released_at", BigInteger),  # the ticket's history up to then counts no more
    PrimaryKeyConstraint("source", "ticket", "rule"),
)

quarantine: Final = Table(
    "quarantine",
    metadata,
    Column("source", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("raw", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("source", "id"),
)

censuses: Final = Table(  # each count of a source by id; the one that has no end yet is under way
    "censuses",
    metadata,
    Column("source", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("phase", Text, nullable=False),  # agent.store.censuses.Phase
    Column("cursor", Text),  # where the phase goes on: the connector's own, or a ticket's id
    Column("listed", Integer, nullable=False, server_default="0"),
    Column("missed", Integer, nullable=False, server_default="0"),
    Column("returned", Integer, nullable=False, server_default="0"),
    Column("gone", Integer, nullable=False, server_default="0"),
    Column("lost", Integer, nullable=False, server_default="0"),
    Column("open", Integer, nullable=False, server_default="0"),  # open tickets that the mirror held at its end of the listing
    Column("alarm", Text, nullable=False, server_default=""),  # why nothing is written; empty where all is well
    Column("accepted_by", Text, nullable=False, server_default=""),  # who said that what vanished is gone indeed
    PrimaryKeyConstraint("source", "number"),
)

census_rows: Final = Table(  # the tickets of the census under way
    "census_rows",
    metadata,
    Column("source", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("updated", BigInteger),  # as listed, where the source names it
    Column("state", Text, nullable=False),  # agent.store.censuses.Seen
    Column("why", Text, nullable=False, server_default=""),
    PrimaryKeyConstraint("source", "id"),
    Index("census_rows_by_state", "source", "state", "id"),
    sqlite_with_rowid=False,
)

outages: Final = Table(  # when hoist did not run, and what it does about what fell due then
    "outages",
    metadata,
    Column("source", Text, nullable=False),
    Column("began", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=False),
    Column("catch_up_from", BigInteger, nullable=False),  # what fell due before is left to a person
    Column("restored", Integer, nullable=False, server_default="0"),  # 1: the store is older than what hoist has done
    Column("reported_at", BigInteger),  # when it was told what had fallen due
    PrimaryKeyConstraint("source", "ended"),
)

cluster_members: Final = Table(  # open tickets by what they have in common
    "cluster_members",
    metadata,
    Column("source", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("field", Text, nullable=False),  # the field of a ticket in which the number stands: related.service, queue
    Column("cluster", Text, nullable=False),
    PrimaryKeyConstraint("source", "ticket", "field"),
    Index("cluster_members_by_cluster", "field", "cluster"),
)

cluster_events: Final = Table(  # a cluster's number has crossed a threshold that some rule names
    "cluster_events",
    metadata,
    Column("field", Text, nullable=False),
    Column("cluster", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),
    PrimaryKeyConstraint("field", "cluster", "at"),
)

similar_words: Final = Table(  # what open tickets say, as keyed hashes
    "similar_words",
    metadata,
    Column("source", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("hash", BigInteger, nullable=False),
    PrimaryKeyConstraint("source", "ticket", "hash"),
    Index("similar_words_by_hash", "hash"),
    sqlite_with_rowid=False,  # a row is its own key, and the index by hash holds all of it
)

cluster_fields: Final = Table(  # what is counted, and since when the numbers are right; before that they are not known
    "cluster_fields",
    metadata,
    Column("field", Text, primary_key=True),
    Column("since", BigInteger),
)

journal: Final = Table(
    "journal",
    metadata,
    Column("line", Integer, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("data", Text, nullable=False),  # a commitment stands in the place of each personal value
    Column("previous", Text),  # as hash and position: null until the line is sealed
    Column("hash", Text),
    Column("position", Integer),  # in the chain, from 1 on
    Index("journal_by_ticket", "source", "ticket"),
    Index("journal_by_position", "position", unique=True),
)

journal_personal: Final = Table(  # what may be erased without breaking the chain
    "journal_personal",
    metadata,
    Column("commitment", Text, primary_key=True),  # HMAC-SHA256 of subject and value under the salt, as it stands in the line
    Column("line", Integer, nullable=False),
    Column("salt", Text, nullable=False),
    Column("subject", Text, nullable=False),  # whom it tells of
    Column("value", Text, nullable=False),  # JSON
    Index("journal_personal_by_line", "line"),
    Index("journal_personal_by_subject", "subject"),
)

journal_heads: Final = Table(
    "journal_heads",
    metadata,
    Column("name", Text, primary_key=True),  # sealed: the last line of the chain; trimmed: the last one no longer kept
    Column("position", Integer, nullable=False),
    Column("line", Integer, nullable=False),
    Column("hash", Text, nullable=False),
    Column("at", BigInteger, nullable=False),  # of the sealing, or the removal
    Column("signature", Text, nullable=False, server_default=""),
)

leases: Final = Table(  # what one process at a time may do
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("until", BigInteger, nullable=False),  # on this machine's clock
)

budgets: Final = Table(  # see connectors.budget; instants on this machine's clock
    "budgets",
    metadata,
    Column("source", Text, primary_key=True),
    Column("full", Float, nullable=False),  # requests per second
    Column("rate", Float, nullable=False),
    Column("tokens", Float, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("closed_at", BigInteger, nullable=False, server_default="0"),
    Column("closed_until", BigInteger, nullable=False, server_default="0"),
    Column("said", Text, nullable=False, server_default=""),
    Column("spared_at", BigInteger, nullable=False, server_default="0"),
    Column("spared_until", BigInteger, nullable=False, server_default="0"),
    Column("since", BigInteger, nullable=False),  # from when on requests are counted
    Column("written", BigInteger, nullable=False, server_default="0"),  # requests that were made for writes
)

hints: Final = Table(  # tickets of which a webhook said that something has happened, until they are read
    "hints",
    metadata,
    Column("source", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("number", Integer, nullable=False),  # rises with every further hint of the ticket
    Column("at", BigInteger, nullable=False),  # of the last one, on the source's clock
    PrimaryKeyConstraint("source", "ticket"),
    sqlite_with_rowid=False,
)

deliveries: Final = Table(  # what webhooks delivered, so that a repeat is known; instants on this machine's clock
    "deliveries",
    metadata,
    Column("source", Text, nullable=False),
    Column("name", Text, nullable=False),  # a hash of what the platform calls it
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("source", "name"),
    Index("deliveries_by_time", "source", "at"),
    sqlite_with_rowid=False,
)

webhooks: Final = Table(  # how each source's webhook does; instants on this machine's clock
    "webhooks",
    metadata,
    Column("source", Text, primary_key=True),
    Column("heard_at", BigInteger, nullable=False, server_default="0"),  # of the last delivery; 0: none yet
    Column("missed", Integer, nullable=False, server_default="0"),  # changes since then that polling found first
    Column("missed_since", BigInteger, nullable=False, server_default="0"),  # of the first of them
)
