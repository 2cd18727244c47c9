"""The speed commands, and the floor of plain SQL that they are compared with."""
