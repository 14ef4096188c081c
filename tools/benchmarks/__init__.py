# SPDX-License-Identifier: Apache-2.0
"""The benchmark: seeds nodes, puts load on the API, reports what it found."""
