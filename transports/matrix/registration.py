"""The file that makes a homeserver know an application service."""

import json
import re

from transports.base import Account

from .names import names_of


def registration(account: Account, url: str) -> dict[str, object]:
    """Give what a homeserver must know; `url` is where it reaches the hub, for this account.

    The rate of our users is not limited, and nobody else can take their names.
    Source: Matrix application-service API 1.11, registration.
    """
    names = names_of(account)
    own = names.user.removeprefix("@").partition(":")[0]
    puppets = f"^@{re.escape(names.prefix)}.*{re.escape(f':{names.server_name}')}$"
    return {
        "id": str(account.config.get("id", "parley")),
        "url": url.rstrip("/"),
        "as_token": account.secrets["as_token"],
        "hs_token": account.secrets["hs_token"],
        "sender_localpart": own,
        "rate_limited": False,
        "namespaces": {
            "users": [
                {"exclusive": True, "regex": f"^{re.escape(names.user)}$"},
                {"exclusive": True, "regex": puppets},
            ],
            "aliases": [],
            "rooms": [],
        },
    }


def registration_yaml(account: Account, url: str) -> str:
    """Write the registration as YAML: JSON, which every YAML reader takes, a key on each line."""
    facts = registration(account, url)
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in facts.items())
