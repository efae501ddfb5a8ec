"""The escalation protocol as the core sees it: organisation, rules, conditions, actions. Plain frozen values, no YAML.

`rules.rulebook` makes these from files and reports what is wrong with those; `rules.binding` turns an organisation's words
(P1, network-ops) into one source's ids. Everything here is hashable, and equal where it means the same.
"""
