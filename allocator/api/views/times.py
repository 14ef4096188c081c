# SPDX-License-Identifier: Apache-2.0
"""Times in answers: ISO 8601 in UTC."""


def iso(moment):
    """Write a time of the database.

    :param moment: naive datetime in UTC, or None
    :returns: for example "2026-01-31T12:00:00.123456+00:00", or None
    """
    if moment is None:
        return None
    return moment.isoformat(timespec='microseconds') + '+00:00'
