"""A service desk that everything goes wrong on: the real agent, the real sandbox, a real store, one clock, one seed for all.

story     what happens in a run, as dated items that can be taken out one by one
drawing   a story from a seed
clocks    true time, and the machine's clock that somebody sets
platforms what is each platform's own: its record, its faults, what its requests are for
helpdesk  a platform's sandbox with its people, automations and vanishing tickets
wire      the requests between agent and helpdesk, and what befalls them
stops     the named points at which a process can end or freeze
playing   a story played; what came of it
ordering  what people tell hoist on its command line
sight     what a run looks like when it is over
auditing  what the platform's own record shows, read through its API
judging   what must hold at the far side and in the store
running   one seed, or many
shrinking a failing story made short
"""
