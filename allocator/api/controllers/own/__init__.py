# SPDX-License-Identifier: Apache-2.0
"""What is this service's own: /allocator and all that lies below it.

Allocations and nodes are those of the Bare Metal API, by the same code.
"""
