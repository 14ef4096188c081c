# SPDX-License-Identifier: Apache-2.0
"""Microversions: one table of what each version brings for each API.

Request checks, response fields, ``fields=``, filters and the documentation
read the tables. A version is "1.NN"; only its minor number NN is kept.
"""


def string(minor):
    """Write a version as clients know it."""
    return '1.%d' % minor
