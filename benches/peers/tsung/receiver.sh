#!/bin/sh
# tsung ADDRESS CONNECTIONS MESSAGE-BYTES: a user for each WebSocket, who thinks for an hour and is sent to meanwhile. The protocol
# is in ../README.md.
#
# tsung counts bytes. What it has received of messages, beyond the answers to its handshakes, is divided by the length of
# a frame: the body and two, four or ten bytes before it (RFC 6455, 5.2).
set -eu
host=${1%:*} port=${1##*:} connections=$2 body=$3
frame=$((body + (body > 65535 ? 10 : body > 125 ? 4 : 2)))
log="$TMPDIR/log"

# Its name server and its node listen on loopback only, and end with this group of processes.
export HOME="$TMPDIR" ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT=$((20000 + $$ % 10000))
epmd -port "$ERL_EPMD_PORT" &
# It tells its totals every 2 s, not every 10 s, so that a turn need not wait for them.
export ERL_AFLAGS="-kernel inet_dist_use_interface {127,0,0,1} -tsung_controller dumpstats_interval 2000"

cat > "$TMPDIR/tsung.xml" <<XML
<?xml version="1.0"?>
<!DOCTYPE tsung SYSTEM "/usr/share/tsung/tsung-1.0.dtd" []>
<tsung loglevel="error" version="1.0">
  <clients><client host="localhost" use_controller_vm="true" maxusers="$((connections * 2))"/></clients>
  <servers><server host="$host" port="$port" type="tcp"/></servers>
  <load>
    <arrivalphase phase="1" duration="5" unit="second">
      <users maxnumber="$connections" arrivalrate="$connections" unit="second"/>
    </arrivalphase>
  </load>
  <sessions>
    <session name="subscriber" probability="100" type="ts_websocket">
      <request><websocket type="connect" path="/ws"/></request>
      <thinktime value="3600"/>
    </session>
  </sessions>
</tsung>
XML
mkdir "$log"
tsung -n -I 127.0.0.1 -f "$TMPDIR/tsung.xml" -l "$log" start < /dev/null >&2 &
tsung=$!

# The total that the last complete list of figures has for $1.
total() {
  awk -v name="$1" '/^# stats: dump/ { last = seen; seen = "" } $2 == name { seen = $4 }
    END { print (seen != "") ? seen : last }' "$log"/*/tsung.log 2> /dev/null
}

dumps() {
  cat "$log"/*/tsung.log 2> /dev/null | grep -c '^# stats: dump' || true
}

# Returns when it has told its totals $1 times more.
told() {
  wanted=$(($(dumps) + $1))
  while [ "$(dumps)" -lt "$wanted" ]; do
    kill -0 "$tsung"
    sleep 0.1
  done
}

until [ "$(total websocket_succ)" = "$connections" ]; do
  kill -0 "$tsung"
  sleep 0.1
done
# A list may have been half written.
told 1
answers=$(total size_rcv)
echo "PHASE connected"
read -r _
# The first of these may have begun before the last message was counted.
told 2
received=$(($(total size_rcv) - answers))
[ $((received % frame)) -eq 0 ] || {
  echo "$received bytes of messages are no whole frames of $frame" >&2
  exit 1
}
[ "$(total connected)" = "$connections" ] || {
  echo "$(total connected) of $connections connections are left" >&2
  exit 1
}
echo "RESULT $((received / frame))"
