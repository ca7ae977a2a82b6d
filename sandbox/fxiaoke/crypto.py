"""How an event callback is encrypted and signed (vendor demo of the event callback, 2020).

Invariant: AES-256-CBC, PKCS#7, the key given as base64, its first 16 bytes the initialisation vector; a
signature is the lower-case hex SHA-1 of the parts joined, the key's base64 text last.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

KEY_BYTES = 32
_BLOCK_BITS = 128


def new_key() -> str:
    """A key as the console shows it."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def checked_key(text: str) -> str:
    """``ValueError`` when ``text`` is not the base64 of 32 bytes."""
    if len(base64.b64decode(text, validate=True)) != KEY_BYTES:
        raise ValueError(f"a key is the base64 of {KEY_BYTES} bytes")
    return text


def encrypted(text: str, key: str) -> str:
    padder = PKCS7(_BLOCK_BITS).padder()
    padded = padder.update(text.encode()) + padder.finalize()
    encryptor = _cipher(key).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def decrypted(content: str, key: str) -> str:
    """``ValueError`` for what is not encrypted with ``key``."""
    decryptor = _cipher(key).decryptor()
    padded = decryptor.update(base64.b64decode(content, validate=True)) + decryptor.finalize()
    unpadder = PKCS7(_BLOCK_BITS).unpadder()
    return (unpadder.update(padded) + unpadder.finalize()).decode()


def signature(*parts: object) -> str:
    """Of the parts in this order; ``None`` is left out."""
    joined = "".join(str(part) for part in parts if part is not None)
    return hashlib.sha1(joined.encode()).hexdigest()


def event_signature(envelope: Mapping[str, Any], key: str) -> str:
    """What ``signature`` has to be in an event's envelope."""
    names = ("timestamp", "nonce", "messageId", "retryTimes", "enterpriseAccount", "encryptedContent")
    return signature(*(envelope.get(name) for name in names), key)


def acknowledges(reply: Any, key: str) -> bool:
    """Whether an answer to an event is the encrypted, signed word ``success``."""
    if not isinstance(reply, dict):
        return False
    told = signature(*(reply.get(name) for name in ("timestamp", "nonce", "encryptedResult")), key)
    try:
        return str(reply.get("signature")) == told and decrypted(reply["encryptedResult"], key) == "success"
    except (KeyError, TypeError, ValueError):
        return False


def hook_signature(secret: str, timestamp: str, body: bytes) -> str:
    """Our own, for what an APL function posts: hex HMAC-SHA-256 of ``timestamp.body``."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _cipher(key: str) -> Cipher[modes.CBC]:
    raw = base64.b64decode(key)
    return Cipher(algorithms.AES(raw), modes.CBC(raw[:16]))
