#!/usr/bin/env bash
# A member of the bundle that the stand-in has no use for.
exit 0
