# SPDX-License-Identifier: Apache-2.0
"""What is costly to read is read by one process of a host, now and then.

Whichever worker process Prometheus asks answers for all. What one of them has
read therefore lies in a file beside the numbers that they count, for the
others to take while it is young.
"""

import fcntl
import json
import os
import time

# Seconds that what was read is remembered.
SECONDS = 15


class Remembered:
    """What a function returns, read anew after SECONDS at the earliest.

    :param name: name of the file
    :param read: function that returns what JSON can hold
    """

    def __init__(self, name, read):
        self._name = name + '.json'
        self._read = read

    def get(self):
        """Get what was read, or read it while the other processes wait.

        :returns: what the function returned, in this process or another
        :raises: whatever the function raises; nothing is remembered then
        """
        path = os.path.join(os.environ['PROMETHEUS_MULTIPROC_DIR'],
                            self._name)
        # The lock ends with its process, however that ends.
        with open(path, 'a+') as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            found = _parse(file.read())
            if found is not None:
                return found
            value = self._read()
            file.truncate(0)
            file.write(json.dumps({'at': _now(), 'value': value}))
            return value


def _parse(text):
    """Parse what another process has left; None if it is of no use."""
    try:
        found = json.loads(text)
        age = _now() - found['at']
    except (KeyError, TypeError, ValueError):
        # Nobody has read yet, or somebody was killed while writing.
        return None
    return found['value'] if 0 <= age < SECONDS else None


def _now():
    """Tell the time since the machine's start, which all processes share."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
