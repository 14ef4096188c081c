# SPDX-License-Identifier: Apache-2.0
"""The ledger: every answer that a client got, and what follows from it."""

import collections
import dataclasses
import threading
import time

# What clients know of a creation or a deletion.
MAYBE = 'maybe'
DONE = 'done'

# Seconds after which a request hangs.
HANG = 40


@dataclasses.dataclass
class Record:
    """What a client knows of its allocation.

    :ivar created: MAYBE or DONE
    :ivar deleted: None (nobody tried), MAYBE or DONE
    :ivar extras: the values that ``extra`` may have
    :ivar is_touched: whether its place in the queue was changed
    """

    uuid: str
    resource_class: str
    created: str = MAYBE
    deleted: str | None = None
    extras: list = dataclasses.field(default_factory=lambda: [{}])
    is_touched: bool = False

    @property
    def must_exist(self):
        return self.created == DONE and self.deleted is None


class Ledger:
    """Records, counts of the operations, and violations.

    :param say: function that takes a line for the log
    :ivar foreign: UUIDs of allocations that others have asked a backend for
    :ivar foreign_held: dict of (name of the backend, UUID of the node) by UUID
        of those of them that are active, and not to be given back
    :ivar violations: list of sentences
    :ivar operations: Counter by (operation, answer)
    :ivar slowest: greatest number of seconds by operation
    """

    def __init__(self, say):
        self._say = say
        self._lock = threading.Lock()
        self.records = {}
        self.foreign = set()
        self.foreign_held = {}
        self.violations = []
        self.operations = collections.Counter()
        self.slowest = collections.Counter()

    def open(self, uuid, resource_class):
        """Begin the record of an allocation before it is requested."""
        record = Record(uuid, resource_class)
        with self._lock:
            self.records[uuid] = record
        return record

    def answered(self, operation, status, seconds, text):
        """Count an answer.

        :param status: HTTP status code, None if there was no answer
        :param seconds: how long it took
        """
        with self._lock:
            self.operations[operation, status or 'none'] += 1
            self.slowest[operation] = max(seconds, self.slowest[operation])
        if status is not None and status >= 500 and status != 503:
            self.violate('%s was answered %d: %s'
                         % (operation, status, text))
        if seconds > HANG:
            self.violate('%s took %.0f s' % (operation, seconds))

    def violate(self, sentence):
        """Note that something is not as it must be."""
        with self._lock:
            self.violations.append('%s %s' % (
                time.strftime('%H:%M:%S'), sentence))
        self._say('VIOLATION ' + sentence)

    def summary(self):
        """Sum up the operations.

        :returns: dict of (number, "201: 17, 503: 2") by operation
        """
        with self._lock:
            found = {}
            for operation in sorted(self.slowest):
                answers = {status: count for (name, status), count
                           in self.operations.items() if name == operation}
                found[operation] = (sum(answers.values()), ', '.join(
                    '%s: %d' % (status, count) for status, count
                    in sorted(answers.items(), key=lambda item: str(item))))
            return found
