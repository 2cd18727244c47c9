"""Who is who on a homeserver: the names of puppets, and which users are ours."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from transports.base import Account

# What a user id may hold of a name as it is; the rest is written as =xx, byte by byte.
_PLAIN = re.compile(r"[a-z0-9._-]")
_CODED = re.compile(r"=([0-9a-f]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The users of an account: itself, and its puppets; with an empty prefix it has none."""

    server_name: str
    user: str
    prefix: str

    def localpart(self, name: str) -> str:
        """Give a member's puppet the part before the server; names are unique whatever their case.

        Source: Matrix appendices, mapping from other character sets.
        """
        coded = (
            letter
            if _PLAIN.fullmatch(letter)
            else "".join(f"={byte:02x}" for byte in letter.encode("utf-8", "replace"))
            for letter in name.lower()
        )
        return self.prefix + "".join(coded)

    def puppet(self, name: str) -> str:
        """Give the user id that speaks for a member: the account's own where it has no puppets."""
        if not self.prefix:
            return self.user
        return f"@{self.localpart(name)}:{self.server_name}"

    def is_ours(self, user_id: str) -> bool:
        """Tell whether what this user says was said by us."""
        return user_id == self.user or bool(self.member(user_id))

    def member(self, user_id: str) -> str:
        """Name the member, in lower case, whose puppet a user is; empty for anybody else."""
        local, _, server = user_id.removeprefix("@").partition(":")
        if not self.prefix or server != self.server_name or not local.startswith(self.prefix):
            return ""
        return unquote(_CODED.sub(r"%\1", local.removeprefix(self.prefix)), errors="replace")


def names_of(account: Account) -> Names:
    """Read from an account's configuration who is who."""
    config = account.config
    server = str(config.get("server_name", ""))
    is_bot = config.get("mode", "appservice") == "bot"
    return Names(
        server_name=server,
        user=str(config.get("user") or f"@parley:{server}"),
        prefix="" if is_bot else str(config.get("prefix") or "parley_"),
    )
