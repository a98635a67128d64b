"""The wire between a painter's program and Limn's server.

Sans-IO, standard library only. Read `messages.py` first; `connection.py` turns websocket frames
into those messages and back.
"""

from .connection import Connection
from .errors import ProtocolError
from .messages import PROTOCOL_VERSION, Message, Pixels

__all__ = ["PROTOCOL_VERSION", "Connection", "Message", "Pixels", "ProtocolError"]
