# SPDX-License-Identifier: Apache-2.0
"""A simulation of the queue, for sites that are larger than what can be had.

It is given how long each step takes alone; what it adds is that many wait for
the same processors, locks and disks.
"""
