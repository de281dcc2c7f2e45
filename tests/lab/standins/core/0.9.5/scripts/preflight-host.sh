#!/usr/bin/env bash
# Core's host checks, as a stand-in: JSON, and exit status 1 when one fails.
. "$(dirname "${BASH_SOURCE[0]}")/runtime-contract.sh"
mode=single-node
while (($# > 0)); do
  case $1 in
    --mode) mode=$2 && shift ;;
    --json-output | --strict) ;;
    *) exit 2 ;;
  esac
  shift
done
fails=0
result='{"level":"ok","check":"platform","message":"platform is supported"}'
if has_fault fails-preflight; then
  fails=1 result='{"level":"fail","check":"platform","message":"unsupported platform: plan9"}'
fi
printf '{"mode":"%s","strict":false,"platform":{"os_id":"debian"},"resources":{"cpu_count":2},' "$mode"
printf '"summary":{"ok_count":%d,"warn_count":0,"fail_count":%d},"results":[%s]}\n' $((1 - fails)) "$fails" "$result"
exit "$fails"
