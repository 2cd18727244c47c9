"""Registers Matrix as a kind of network. nio is loaded (0.4 s, 12 MB) once an account connects."""

from transports.base import Account, Transport, kind
from transports.kinds import FORMS, Ask, Form

FORMS["matrix"] = Form(
    title="Matrix",
    room="!room:server",
    asks=(
        Ask("homeserver", "Address of the homeserver", default="http://127.0.0.1:8008"),
        Ask("server_name", "Name of the server, as in user ids", default="localhost"),
        Ask("mode", "Mode: appservice or bot", default="appservice"),
        Ask("user", "User id of the service or bot", default="@parley:localhost"),
        Ask("prefix", "How names of puppets begin", default="parley_", is_needed=False),
        Ask("id", "Id of the application service", default="parley", is_needed=False),
        Ask("as_token", "as_token (application service)", is_secret=True, is_needed=False),
        Ask("hs_token", "hs_token (application service)", is_secret=True, is_needed=False),
        Ask("access_token", "Access token (bot)", is_secret=True, is_needed=False),
    ),
)


@kind("matrix")
def make(account: Account) -> Transport:
    """Make the transport of an account of a homeserver.

    Raises ValueError for settings with which nothing can be asked.
    """
    from .transport import Matrix

    return Matrix(account)
