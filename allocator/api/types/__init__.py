# SPDX-License-Identifier: Apache-2.0
"""WSME types: what request bodies carry. They check form and query nothing."""
