# SPDX-License-Identifier: Apache-2.0
"""Outages: a service under load while its parts are killed and cut off."""
