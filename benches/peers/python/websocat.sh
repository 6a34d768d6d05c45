#!/bin/sh
# websocat URL CONNECTIONS: a process for each connection, each writing what it receives to a file of its own, a line for a message.
url=$1
connections=$2
pids=""
i=0
while [ "$i" -lt "$connections" ]; do
  venv/bin/websocat --text --no-close "$url" > "$TMPDIR/$i" &
  pids="$pids $!"
  i=$((i + 1))
done
read -r _ || exit 0
# shellcheck disable=SC2086 # a list of ids
kill $pids
wait
echo "RESULT $(cat "$TMPDIR"/* | grep -c '^{')"
