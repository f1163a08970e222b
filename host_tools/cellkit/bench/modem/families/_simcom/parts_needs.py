"""What rules for SIMCom logs share."""

from __future__ import annotations

from typing import Any

from cellkit.transcripts.stage import Stage

HOST = "198.51.100.7"
_PAYLOAD = b"data from server"


def module(stage: Stage) -> Any:
    """The virtual module with its family's parts."""
    return stage.modem


def data(size: int) -> bytes:
    """Something that a peer says."""
    return (_PAYLOAD * (size // len(_PAYLOAD) + 1))[:size]
