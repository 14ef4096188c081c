# SPDX-License-Identifier: Apache-2.0
"""Real Bare Metal services: their client, the mirror of their nodes, the
writing of claims and releases.
"""
