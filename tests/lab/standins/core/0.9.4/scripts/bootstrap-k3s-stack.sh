#!/usr/bin/env bash
# shellcheck disable=SC2034 # what it sets, runtime-contract.sh reads
# Core's installer up to 0.9.4, as a stand-in: other names, another order, and questions while it installs.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/runtime-contract.sh"
FAMILY=bootstrap MODE=single-node
while (($# > 0)); do
  case $1 in
    --mode) MODE=$2 && shift ;;
    *) die "Unknown argument: $1" ;;
  esac
  shift
done
DOMAIN=example.local RANCHER_HOST=rancher.example.local
if has_fault does-nothing; then exit 0; fi
begin_run
ask_stack() {
  ask_components
  if [[ $MODE == single-node ]]; then
    ask_nfs
    prompt_yesno _ y 'Do you want this script to add/update local /etc/hosts entries for Rancher and Registry on this machine? [optional]'
  fi
  if ((ABSENT > 0)); then
    prompt DOMAIN example.local 'Base domain (used to build hostnames)'
    ask_rancher
    ask_registry
    ask_tls
    ask_longhorn
    if [[ $MODE == single-node ]]; then
      prompt_yesno _ y 'Do you want this script to trust the registry certificate in local Docker on this machine? [optional]'
    fi
  fi
}
case $MODE in
  agent) ask_agent ;;
  server) ask_base ;;
  stack) ask_stack ;;
  single-node)
    ask_base
    ask_stack
    ;;
esac
proceed
[[ $MODE == stack ]] || install_base
if [[ $MODE == stack || $MODE == single-node ]]; then
  prompt_yesno _ y "Enable and start 'iscsid' now?"
  prompt_yesno _ y "ClusterIssuer 'selfsigned' is missing. Create it now?"
  prompt_yesno _ n 'Make Longhorn the default StorageClass?'
  install_stack
fi
STEP=completed
