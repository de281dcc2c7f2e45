# One node's time line from `klubster history --json`: what ran from when to when, since power-on.
# Takes $node and $power (seconds since the epoch when its plug was put in). Prints one line per span.
def span($name; $from; $to): {name: $name, from: ($from - $power), to: ($to - $power)};
def seconds: (. * 100 | round) | tostring | ("000" + .)[-([length, 3] | max):] | .[:-2] + "." + .[-2:] + " s";
def is_profile: startswith("profile/");
def title:
  if . == "profile/signature" then "fetch the signature"
  elif . == "profile/package" then "fetch the package"
  elif is_profile then ltrimstr("profile/")
  else "step " + . end;

[.events[] | {type, subject: (.data.subject // ""), outcome: .data.outcome, at: (.time / 1000000)}
  | select(.at >= $power)] as $events
| ($events[0].at // $power) as $first
| [$events | to_entries[] | select(.value.type == "RunStarted") | .key as $i | .value as $run
   # A task ends with its run, a service's step when it is ready; a failed run ends its attempt.
   | [$events[$i:][] | select(.subject == $run.subject)
      | select(.type == "StepDone" or (.type == "RunEnded" and .outcome != "ok"))][0] as $stop
   | select($stop)
   # Between what was done before and a step's start stands the wait for what it needs of other nodes.
   | ([$events[:$i][] | select(.type | IN("Booted", "GenerationMade", "StepDone", "RunEnded")) | .at] | last // $first) as $free
   | if (($run.subject | is_profile) or $run.at - $free < 0.2) then empty
     else span("wait before " + $run.subject; $free; $run.at) end,
     span($run.subject | title; $run.at; $stop.at)]
| [span("boot"; $power; $first)] + . | sort_by(.from)[]
| "\($node)\t\(.from | seconds)\t\(.to - .from | seconds)\t\(.name)"
