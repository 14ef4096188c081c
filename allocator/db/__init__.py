# SPDX-License-Identifier: Apache-2.0
"""Models, sessions, queries and transactions.

One file per table or transaction; neither HTTP nor RPC is known here.
"""
