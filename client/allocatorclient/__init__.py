# SPDX-License-Identifier: Apache-2.0
"""Client of Allocator, an OpenStack service that hands out bare metal nodes.

::

    import allocatorclient

    conn = allocatorclient.connect(cloud='nodes')
    made = conn.allocator.create_allocation(resource_class='baremetal')
    made = conn.allocator.wait_for_allocation(made)
"""

from allocatorclient.service import AllocatorService
from allocatorclient.service import connect
from allocatorclient.service import Connection
from allocatorclient.service import register

__all__ = ['AllocatorService', 'Connection', 'connect', 'register']
