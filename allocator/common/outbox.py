# SPDX-License-Identifier: Apache-2.0
"""The outbox: messages for whose sending nobody waits.

With the message bus away, sending may block for many seconds. Callers only
put their message into a queue; one thread sends.
"""

import queue
import threading

from oslo_log import log

LOG = log.getLogger(__name__)

# More messages than this wait only when the bus is away.
LENGTH = 1000


class Outbox:
    """A bounded queue of messages, and the thread that sends them.

    :param name: what the messages are, for the log: "notifications"
    :param send: function that sends one message, called with what put() was
        given
    :param consequence: what it means that a message is lost, for the log
    :param failed: function called with what put() was given when a message
        is lost
    """

    def __init__(self, name, send, consequence, failed=lambda *message: None):
        self._name = name
        self._send = send
        self._consequence = consequence
        self._failed = failed
        # What each says, None unless that need not be said twice; and it.
        self._messages: queue.Queue[tuple | None] = queue.Queue(LENGTH)
        self._lock = threading.Lock()
        self._waiting: set = set()
        self._is_full = False
        self._thread = threading.Thread(target=self._run, name=name,
                                        daemon=True)
        self._thread.start()

    def put(self, *message):
        """Have a message sent soon; never blocks and never fails."""
        self._put(None, message)

    def put_once(self, meaning, *message):
        """Have a message sent soon, unless one that means the same waits.

        What is being sent just now may have been taken already, so it does
        not count. A lone message waits for nobody.

        :param meaning: hashable; what the message means
        """
        with self._lock:
            if meaning in self._waiting:
                return
            self._waiting.add(meaning)
        self._put(meaning, message)

    def _put(self, meaning, message):
        try:
            self._messages.put_nowait((meaning, message))
        except queue.Full:
            self._forget(meaning)
            self._failed(*message)
            if not self._is_full:
                self._is_full = True
                LOG.warning('%(length)d %(name)s wait for the message bus, '
                            'the next ones are dropped: %(consequence)s',
                            {'length': LENGTH, 'name': self._name,
                             'consequence': self._consequence})

    def close(self, timeout):
        """Send what waits, then end; to be called once.

        :param timeout: seconds after which the rest is dropped
        """
        try:
            self._messages.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(timeout)

    def _forget(self, meaning):
        with self._lock:
            self._waiting.discard(meaning)

    def _run(self):
        while True:
            taken = self._messages.get()
            if taken is None:
                return
            meaning, message = taken
            # Before it is sent: who comes from now on is not told of by it.
            self._forget(meaning)
            try:
                self._send(*message)
                self._is_full = False
            except Exception as exc:
                # oslo.messaging lets errors of the libraries below through.
                self._failed(*message)
                LOG.warning('One of the %(name)s could not be sent, '
                            '%(consequence)s: %(error)s',
                            {'name': self._name, 'error': exc,
                             'consequence': self._consequence})
