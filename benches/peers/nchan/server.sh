#!/bin/bash
# nginx with Nchan on a free port, in the foreground, unprivileged: prints its ready line and ends on SIGTERM or when standard
# input closes. Its files are in a directory of its own under $TMPDIR.
run=$(mktemp -d) || exit 1
nginx=
stop() {
  [ -n "$nginx" ] && kill "$nginx" 2>/dev/null && wait "$nginx"
  rm -rf "$run"
  exit 0
}
trap stop TERM INT
here=$(cd "$(dirname "$0")" && pwd)
nginx_program=$(command -v nginx || echo /usr/sbin/nginx)
for attempt in 1 2 3 4 5 6 7 8; do
  port=${PORT:-$((20000 + (RANDOM % 10000)))}
  sed -e "s|@RUN@|$run|g" -e "s|@PORT@|$port|g" "$here/nginx.conf" > "$run/nginx.conf"
  "$nginx_program" -p "$run" -c "$run/nginx.conf" -e stderr < /dev/null &
  nginx=$!
  # It is ready when the page with its own token answers; a port that is taken ends it.
  while kill -0 "$nginx" 2>/dev/null; do
    if [ "$(curl -s "http://127.0.0.1:$port/healthz")" = "$run" ]; then
      echo "READY http://127.0.0.1:$port"
      # Unlike a read, this wait ends on a signal, too.
      cat <&0 > /dev/null &
      wait -n
      stop
    fi
  done
  nginx=
done
echo "nginx found no port to listen on" >&2
exit 1
