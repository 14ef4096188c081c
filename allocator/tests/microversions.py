# SPDX-License-Identifier: Apache-2.0
"""Where the table of microversions ends, so that no test says it again."""

from allocator.api import versions
from allocator.api.versions import baremetal
from allocator.api.versions import own

#: The newest version that there is, and the one after it.
NEWEST = versions.string(baremetal.MAX)
TOO_NEW = versions.string(baremetal.MAX + 1)

#: The newest version of the own API.
NEWEST_OWN = versions.string(own.MAX)
