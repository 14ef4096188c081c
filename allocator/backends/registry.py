# SPDX-License-Identifier: Apache-2.0
"""The clients of the configured backends, one for each in a process."""

import threading

from allocator.backends import client

_lock = threading.Lock()
_clients: dict[str, client.Client] = {}


def get(name):
    """Get the client of a backend, made at the first call.

    :param name: name of the backend
    :returns: client.Client
    :raises allocator.backends.exception.Misconfigured: its options do not
        make one
    """
    with _lock:
        if name not in _clients:
            _clients[name] = client.Client(name)
        return _clients[name]


def forget():
    """Make the clients anew at the next call."""
    with _lock:
        _clients.clear()
