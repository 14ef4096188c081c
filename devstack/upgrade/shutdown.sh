#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# grenade's call to stop the release that is upgraded from.
#
# shellcheck disable=SC1091  # grenade's and devstack's files are elsewhere
set -o errexit

source "$GRENADE_DIR/grenaderc"
source "$GRENADE_DIR/functions"

source "$BASE_DEVSTACK_DIR/functions"
source "$BASE_DEVSTACK_DIR/stackrc"
source "$BASE_DEVSTACK_DIR/lib/tls"
source "$BASE_DEVSTACK_DIR/lib/apache"

PLUGIN=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=devstack/settings
source "$PLUGIN/settings"
# shellcheck source=devstack/lib/allocator
source "$PLUGIN/lib/allocator"

set -o xtrace

stop_allocator
ensure_services_stopped allocator-api allocator-cond
