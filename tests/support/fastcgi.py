# SPDX-License-Identifier: MIT

"""A FastCGI client: one request to php-fpm, as a web server makes it."""

import socket
import struct

VERSION, BEGIN, END, PARAMS, STDIN, STDOUT, STDERR = 1, 1, 3, 4, 5, 6, 7
HEADER = struct.Struct(">BBHHBx")


def record(kind, content=b""):
    return HEADER.pack(VERSION, kind, 1, len(content), 0) + content


def pair(name, value):
    name, value = name.encode(), str(value).encode()
    return struct.pack(">LL", len(name) | 1 << 31, len(value) | 1 << 31) + name + value


def records(octets):
    """(kind, content) of each record; it must end where a record ends."""
    while octets:
        _, kind, _, length, padding = HEADER.unpack_from(octets)
        assert len(octets) >= HEADER.size + length + padding, "cut in a record"
        yield kind, octets[HEADER.size:HEADER.size + length]
        octets = octets[HEADER.size + length + padding:]


class Response:
    def __init__(self, octets):
        found = list(records(octets))
        assert found and found[-1][0] == END, found
        self.status = struct.unpack(">LB3x", found[-1][1])
        self.output = b"".join(content for kind, content in found if kind == STDOUT)
        self.errors = b"".join(content for kind, content in found if kind == STDERR).decode()
        self.body = self.output.partition(b"\r\n\r\n")[2].decode()


def request(path, script, query="", timeout=60):
    """Runs a script and reads what it says until the connection ends.

    path: of php-fpm's socket, or a connection to it.
    """
    params = {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET", "SCRIPT_FILENAME": script,
              "SCRIPT_NAME": "/" + script.rpartition("/")[2], "QUERY_STRING": query,
              "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1"}
    if isinstance(path, socket.socket):
        connection = path
    else:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(path))
    with connection:
        connection.settimeout(timeout)
        # Role responder; the connection ends with the request.
        connection.sendall(record(BEGIN, struct.pack(">HB5x", 1, 0)) +
                           record(PARAMS, b"".join(pair(*one) for one in params.items())) +
                           record(PARAMS) + record(STDIN))
        octets = b""
        while chunk := connection.recv(65536):
            octets += chunk
        return Response(octets)
