"""What crosses the socket: requests, replies, events, version. Data only.

HTTP/1.1 with JSON; routes and examples stand in docs/reference/api.md. Numbers that
are not finite travel as the strings "NaN", "Infinity", "-Infinity".
"""

from opengraphs.protocol.version import PROTOCOL_VERSION, SCHEMA

__all__ = ["PROTOCOL_VERSION", "SCHEMA"]
