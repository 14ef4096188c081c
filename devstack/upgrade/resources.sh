#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What has to outlast an upgrade: nodes, and an allocation that has one.
#
# Usage: resources.sh early_create|create|verify|verify_noapi|destroy
#
# shellcheck disable=SC1091  # grenade's and devstack's files are elsewhere
set -o errexit

source "$GRENADE_DIR/grenaderc"
source "$GRENADE_DIR/functions"
source "$TOP_DIR/openrc" admin admin

set -o xtrace

readonly CLASS=allocator-grenade
readonly KEPT=allocator-grenade-kept
readonly FRESH=allocator-grenade-fresh
readonly NODES=(allocator-grenade-1 allocator-grenade-2)

function create {
    local node
    for node in "${NODES[@]}"; do
        openstack baremetal node create --driver fake-hardware \
            --resource-class "$CLASS" --name "$node"
    done
    openstack baremetal node manage "${NODES[@]}"
    openstack baremetal node power on "${NODES[@]}"
    openstack baremetal node provide "${NODES[@]}"
    allocate "$KEPT"
    resource_save allocator node "$(show "$KEPT" node_uuid)"
}

# allocate NAME: --wait fails unless the allocation gets a node.
function allocate {
    openstack baremetal allocation create --resource-class "$CLASS" \
        --name "$1" --wait 60
}

function show {
    openstack baremetal allocation show "$1" -f value -c "$2"
}

# The allocation has kept its node, and the conductor decides others.
function verify {
    local state node
    state=$(show "$KEPT" state)
    node=$(show "$KEPT" node_uuid)
    if [[ $state != active || $node != $(resource_get allocator node) ]]; then
        die $LINENO "$KEPT is $state and has the node $node"
    fi
    allocate "$FRESH"
    openstack baremetal allocation delete "$FRESH"
}

function destroy {
    openstack baremetal allocation delete "$KEPT"
    openstack baremetal node delete "${NODES[@]}"
}

case $1 in
    create) create ;;
    verify) verify ;;
    destroy) destroy ;;
    # Without the API there is nothing to see: no process holds a node.
    early_create|verify_noapi) ;;
    *) die $LINENO "$1 is no phase" ;;
esac
