"""Conditions: each a function from a timeline to the intervals in which it surely holds and those in which it may hold.

A file per kind: `states` (a field's value), `logic` (all, any, not, held), `clock`, `counts`, `silence`, `due`. Each makes, from
values that are bound to one source, a `Judge`; `program` puts the judges of all rules together so that what they share is
judged once per ticket. A new condition is one such function.
"""
