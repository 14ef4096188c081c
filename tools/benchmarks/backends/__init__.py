# SPDX-License-Identifier: Apache-2.0
"""What it costs to hand out the nodes of Bare Metal services.

Everything is measured beside bare clients of the same Bare Metal services, in
turns, so that what else the machine does counts for both.
"""

# What can be measured, in this order.
MEASURES = ('first-look', 'look', 'change', 'backend-latency',
            'backend-throughput', 'flood', 'fleet')
