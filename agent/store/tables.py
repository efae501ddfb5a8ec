"""The tables. Instants are milliseconds on the clock of the ticket's source; texts named body, data or raw hold JSON."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text

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
    Index("tickets_by_next_look", "source", "next_look", "id"),
    Index("tickets_by_generation", "source", "generation", "urgency", "id"),
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
    PrimaryKeyConstraint("source", "ticket", "rule", "number"),
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
    Index("outbox_key", "source", "ticket", "rule", "number", "step", unique=True),
    Index("outbox_by_state", "source", "state", "not_before"),
    Index("outbox_by_turn", "source", "state", "urgency", "instant", "id"),
    Index("outbox_by_escalation", "escalation"),
)

escalations: Final = Table(
    "escalations",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("confirmed_at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
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
    Column("data", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("journal_by_ticket", "source", "ticket"),
)
