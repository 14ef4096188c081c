# SPDX-License-Identifier: Apache-2.0
"""The public clients of the Bare Metal API, unmodified."""
