# SPDX-License-Identifier: Apache-2.0
"""The HTTP API: controllers, types, microversions, policy checks."""
