# SPDX-License-Identifier: Apache-2.0
"""The floor: the least that a POST costs behind the same server."""
