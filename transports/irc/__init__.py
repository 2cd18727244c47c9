"""IRC: the wire, the text on it, and Parley as a server that any IRC client can join."""
