# SPDX-License-Identifier: Apache-2.0
"""Requests of all kinds, sent to a service that runs."""
