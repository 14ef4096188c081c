# SPDX-License-Identifier: Apache-2.0
"""The conductor: matches allocations with nodes."""
