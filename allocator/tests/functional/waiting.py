# SPDX-License-Identifier: Apache-2.0
"""Waiting for a condition, with a deadline."""

import time

# Seconds between two looks that cost little.
INTERVAL = 0.02


def until(condition, seconds, what, interval=INTERVAL):
    """Wait until a condition holds.

    :param condition: function; what it returns is true once it holds
    :param seconds: how long to wait at most
    :param what: what is waited for, said when it does not come
    :param interval: seconds between two looks
    :returns: what the function returned
    :raises: AssertionError after that time
    """
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError('Waited %s seconds in vain: %s'
                                 % (seconds, what))
        time.sleep(interval)
