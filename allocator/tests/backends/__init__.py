# SPDX-License-Identifier: Apache-2.0
"""Real Bare Metal services, and simulated ones, behind this service."""
