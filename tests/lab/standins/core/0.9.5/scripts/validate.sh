#!/usr/bin/env bash
# Core's validation, as a stand-in: it prints a table before its JSON, as the real one may.
. "$(dirname "${BASH_SOURCE[0]}")/runtime-contract.sh"
[[ ${1:-} == --json ]] || exit 2
k3s kubectl get nodes
if k3s kubectl get --raw /readyz >/dev/null; then
  echo '{"status":"ok","strict":false,"failures":0,"warnings":0,"results":[{"level":"ok","message":"API answers"}]}'
else
  echo '{"status":"fail","strict":false,"failures":1,"warnings":0,"results":[{"level":"fail","message":"API is silent"}]}'
  exit 1
fi
