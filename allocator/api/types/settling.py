# SPDX-License-Identifier: Apache-2.0
"""Settles WSME's types before several threads use them.

WSME looks up the type of an attribute when it is first asked for it, and
between its question and its answer another thread may have done so: of the
first requests of a process, some failed with a TypeError.
"""

import wsme.types


def settle():
    """Have WSME look up the type of each attribute now."""
    for datatype in wsme.types.registry.complex_types:
        for attribute in wsme.types.list_attributes(datatype):
            # A property, which looks it up.
            _ = attribute.datatype
