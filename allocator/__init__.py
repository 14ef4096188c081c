# SPDX-License-Identifier: Apache-2.0
"""A standalone OpenStack service that hands out bare metal nodes."""
