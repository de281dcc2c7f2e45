#!/usr/bin/env bash
# shellcheck disable=SC2034 # what it sets, runtime-contract.sh reads
# Core's installer from 0.9.5 on, as a stand-in.
set -euo pipefail
cd_to=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$cd_to/runtime-contract.sh"
FAMILY=apply MODE=server
while (($# > 0)); do
  case $1 in
    --mode) MODE=$2 && shift ;;
    *) die "Unknown argument: $1" ;;
  esac
  shift
done
[[ $MODE == @(server|agent|stack|single-node) ]] || die "Unsupported mode: $MODE"
DOMAIN=example.local RANCHER_HOST=rancher.example.local
if [[ $MODE == stack || $MODE == single-node ]]; then
  [[ -d ${PRODUCTIVE_K3S_ADDONS_REPO_DIR:-/nowhere}/addons ]] ||
    die "Stack source 'base' was not found. Set PRODUCTIVE_K3S_ADDONS_REPO_DIR or place productive-k3s-addons beside productive-k3s-core."
fi
if has_fault does-nothing; then exit 0; fi
begin_run
ask_stack() {
  ask_components
  if [[ $MODE == single-node ]]; then ask_nfs; fi
  if ((ABSENT > 0)); then
    prompt DOMAIN example.local 'Base domain (used to build hostnames)'
    ask_tls
    ask_longhorn
    prompt_yesno _ y 'Make Longhorn the default StorageClass?'
    ask_rancher
    if [[ $MODE == single-node ]]; then prompt_yesno _ y 'Update local /etc/hosts on this machine for the Rancher hostname?'; fi
    ask_registry
    if [[ $MODE == single-node ]]; then
      prompt_yesno _ y 'Update local /etc/hosts on this machine for the registry hostname?'
      prompt_yesno _ n 'Install local Docker trust for the registry certificate on this machine?'
    fi
  fi
}
case $MODE in
  agent) ask_agent ;;
  server) ask_base ;;
  stack)
    is_active k3s || die "Mode 'stack' requires an existing k3s cluster."
    command -v helm >/dev/null || die "Mode 'stack' requires Helm to be installed already."
    ask_stack
    ;;
  single-node)
    ask_base
    ask_stack
    ;;
esac
proceed
exec </dev/null
[[ $MODE == stack ]] || install_base
# What it asks now gets the default.
if [[ $MODE == stack || $MODE == single-node ]]; then
  prompt_yesno _ y 'Install the missing packages for longhorn?'
  install_stack
fi
STEP=completed
log 'Summary'
