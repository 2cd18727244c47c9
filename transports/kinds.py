"""What a person is asked for to connect each kind of network."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ask:
    """One value; a secret one is encrypted and never shown again."""

    name: str
    label: str
    is_secret: bool = False
    default: str = ""
    is_needed: bool = True

    @property
    def field(self) -> str:
        """Name its field in the form of `network.add`."""
        return f"{'secret' if self.is_secret else 'config'}.{self.name}"


@dataclass(frozen=True, slots=True)
class Form:
    """The form of one kind: its name for people, what a room is called, what is asked."""

    title: str
    room: str
    asks: tuple[Ask, ...]


FORMS: dict[str, Form] = {
    "irc": Form(
        title="IRC server",
        room="#channel",
        asks=(
            Ask("host", "Address of the server"),
            Ask("port", "Port", default="6697"),
            Ask("tls", "TLS: yes or no", default="yes"),
            Ask("nick", "Nick of the bot", default="parley"),
            Ask("sasl", "Login by SASL: PLAIN, EXTERNAL or nothing", is_needed=False),
            Ask("password", "Password of the account", is_secret=True, is_needed=False),
            Ask("server_password", "Password of the server", is_secret=True, is_needed=False),
            Ask("identities", "Members as: prefix, relay or connections", default="prefix"),
        ),
    ),
    "zulip": Form(
        title="Zulip",
        room="stream/topic",
        asks=(
            Ask("site", "Address of the server, such as https://chat.example.org"),
            Ask("email", "Address of the bot (a generic bot, made in Zulip's settings)"),
            Ask("key", "The bot's API key", is_secret=True),
        ),
    ),
}
