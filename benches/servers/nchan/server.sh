#!/bin/bash
# nginx with Nchan on $PORT or a free port, in the foreground and with a configuration of its own: prints its ready line, ends
# on SIGTERM and when the pipe on its standard input closes. Its files are in a directory of its own under $TMPDIR.
here=$(cd "$(dirname "$0")" && pwd)
nginx_program=$(command -v nginx || echo /usr/sbin/nginx)
run=$(mktemp -d "${TMPDIR:-/tmp}/pushbench-nchan.XXXXXX") || exit 1
# nginx started by root has workers of another user.
chmod 711 "$run"
nginx=

stop() {
  if [ -n "$nginx" ]; then
    kill "$nginx" 2>/dev/null
    wait "$nginx"
  fi
  rm -rf "$run"
  exit "${1:-0}"
}
trap stop TERM INT

# Whether it is our nginx that answers on port $1: the page says the name of its directory.
answers() {
  local line
  exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
  printf 'GET /healthz HTTP/1.0\r\n\r\n' >&3
  while read -r line <&3; do :; done
  exec 3>&-
  [ "$line" = "$run" ]
}

for _ in 1 2 3 4 5 6 7 8; do
  # Below the ports that the system gives to connections.
  port=${PORT:-$((20000 + RANDOM % 12000))}
  sed -e "s|@RUN@|$run|g" -e "s|@PORT@|$port|g" "$here/nginx.conf" >"$run/nginx.conf"
  "$nginx_program" -p "$run" -c "$run/nginx.conf" -e stderr </dev/null &
  nginx=$!
  # A port that is taken ends it.
  while kill -0 "$nginx" 2>/dev/null; do
    if answers "$port" 2>/dev/null; then
      echo "READY http://127.0.0.1:$port"
      # Only the end of a pipe says that the parent is gone. Unlike a read, this wait ends on a signal, too.
      if [ -p /dev/stdin ]; then cat <&0 >/dev/null & fi
      wait -n
      kill -0 "$nginx" 2>/dev/null || stop 1
      stop
    fi
  done
  nginx=
  [ -n "${PORT:-}" ] && break
done
echo "nginx cannot listen on ${PORT:-any of eight free ports}" >&2
stop 1
