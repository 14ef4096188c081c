#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The plugin's entry: devstack sources it with the phase as its arguments.

# shellcheck source=devstack/lib/allocator
source "$(dirname "${BASH_SOURCE[0]}")/lib/allocator"

if is_service_enabled allocator; then
    case "$1 ${2:-}" in
        "stack install")
            echo_summary "Installing allocator"
            install_allocator
            ;;
        "stack post-config")
            echo_summary "Configuring allocator"
            configure_allocator
            ;;
        "stack extra")
            echo_summary "Starting allocator"
            init_allocator
            start_allocator
            ;;
        "stack test-config")
            exchange_allocator_endpoints
            configure_allocator_tempest
            ;;
        "unstack ")
            stop_allocator
            remove_allocator_data
            ;;
        "clean ")
            # clean.sh runs unstack.sh first.
            cleanup_allocator
            ;;
    esac
fi
