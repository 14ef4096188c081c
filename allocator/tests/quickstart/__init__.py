# SPDX-License-Identifier: Apache-2.0
"""The commands of README.rst, in a copy of the checkout."""
