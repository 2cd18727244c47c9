"""Secrets of networks at rest: encrypted with a key that is not in the database."""

import base64
import hashlib
import json
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from hub.errors import Conflict


def seal(secrets: Mapping[str, str]) -> str:
    """Encrypt the secrets of a network for its row."""
    return _lock().encrypt(json.dumps(dict(secrets)).encode()).decode()


def unseal(sealed: str) -> dict[str, str]:
    """Give the secrets back. Raises Conflict after the key has changed."""
    if not sealed:
        return {}
    try:
        found = json.loads(_lock().decrypt(sealed.encode()))
    except InvalidToken:
        raise Conflict(
            "The network's secrets cannot be read: PARLEY_SECRET_KEY has changed. Set them again.",
            code="network.sealed",
        ) from None
    return {str(name): str(value) for name, value in found.items()}


def _lock() -> Fernet:
    """Make the key of the house's secret key, which lies in a file or the environment."""
    digest = hashlib.sha256(b"parley networks\0" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))
