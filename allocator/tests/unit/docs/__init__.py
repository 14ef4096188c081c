# SPDX-License-Identifier: Apache-2.0
"""Tests that the documents say what the code does."""
