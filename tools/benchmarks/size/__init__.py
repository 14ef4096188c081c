# SPDX-License-Identifier: Apache-2.0
"""The measure of size: a large table beside a small one."""
