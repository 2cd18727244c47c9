"""Git as the hub uses it: its own bare repositories, checkouts, trees, diffs and merges.

Made so that nothing in a repository or a checkout can start a program in the hub: no hook,
filter, driver, helper or fsmonitor, no config but the hub's own, and no git in a git directory
that an agent can write to.
"""
