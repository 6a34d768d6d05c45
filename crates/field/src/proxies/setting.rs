//! A proxy and how it is set.

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// None: the server itself.
    Direct,
    /// nginx.
    Nginx,
    /// HAProxy.
    HaProxy,
}

/// A row of the matrix.
#[derive(Debug)]
pub struct Setting {
    /// Name.
    pub name: &'static str,
    /// Which program.
    pub program: Program,
    /// nginx: directives of the location. HAProxy: lines of a backend and its frontend.
    pub directives: &'static str,
    /// The upstream of nginx is another nginx that adds `X-Accel-Buffering: no`.
    pub accelerated: bool,
    /// The subscriber accepts gzip (SSE only).
    pub gzip: bool,
    /// Subscriber and proxy speak HTTP/2, in clear text and by prior knowledge.
    pub http2: bool,
    /// Bytes of the buffers in which a stream without a framing of its own is handed on, whole: an event stream that nginx asks for
    /// with HTTP/1.0. Nothing is known of other streams.
    pub page: Option<u64>,
    /// The stream is idle, to see when it is cut; seconds between heartbeats of the server, 0 for none.
    pub idle: Option<u32>,
}

const PLAIN: Setting = Setting {
    name: "direct",
    program: Program::Direct,
    directives: "",
    accelerated: false,
    gzip: false,
    http2: false,
    page: None,
    idle: None,
};

const NGINX: Setting = Setting {
    program: Program::Nginx,
    ..PLAIN
};

const HAPROXY: Setting = Setting {
    program: Program::HaProxy,
    ..PLAIN
};

/// What nginx buffers in where it is not told: a page of memory, as `proxy_buffer_size` has it by default.
const PAGE: u64 = 4096;
const UPGRADE: &str = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $upgrade_or_none;";
const GZIP: &str = "gzip on; gzip_types text/event-stream application/x-ndjson; gzip_min_length 0; gzip_proxied any;";
const GZIP_UNBUFFERED: &str = "gzip on; gzip_types text/event-stream application/x-ndjson; gzip_min_length 0; gzip_proxied any; \
                               proxy_buffering off;";
const IDLE: &str = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $upgrade_or_none; \
                    proxy_buffering off; proxy_read_timeout 2s;";

/// The rows of the matrix, the first of them what the others are held against.
pub const SETTINGS: &[Setting] = &[
    PLAIN,
    Setting {
        name: "nginx, nothing set",
        page: Some(PAGE),
        ..NGINX
    },
    Setting {
        name: "nginx, buffers of 16 KB",
        directives: "proxy_buffer_size 16k; proxy_buffers 8 16k;",
        page: Some(16 * 1024),
        ..NGINX
    },
    Setting {
        name: "nginx, buffering off",
        directives: "proxy_buffering off;",
        ..NGINX
    },
    Setting {
        name: "nginx, X-Accel-Buffering: no from the server",
        accelerated: true,
        ..NGINX
    },
    Setting {
        name: "nginx, HTTP/1.1 to the server",
        directives: "proxy_http_version 1.1; proxy_set_header Connection \"\";",
        ..NGINX
    },
    Setting {
        name: "nginx, HTTP/1.1 and Upgrade passed on",
        directives: UPGRADE,
        ..NGINX
    },
    Setting {
        name: "nginx, gzip",
        directives: GZIP,
        gzip: true,
        ..NGINX
    },
    Setting {
        name: "nginx, gzip, buffering off",
        directives: GZIP_UNBUFFERED,
        gzip: true,
        ..NGINX
    },
    Setting {
        name: "nginx, HTTP/2 to the client, HTTP/1.1 to the server",
        directives: "proxy_http_version 1.1; proxy_set_header Connection \"\";",
        http2: true,
        ..NGINX
    },
    Setting {
        name: "HAProxy, mode http",
        ..HAPROXY
    },
    Setting {
        name: "HAProxy, http-no-delay",
        directives: "option http-no-delay",
        ..HAPROXY
    },
    Setting {
        name: "HAProxy, HTTP/2 to the client",
        http2: true,
        ..HAPROXY
    },
    Setting {
        name: "idle, direct",
        idle: Some(0),
        ..PLAIN
    },
    Setting {
        name: "idle, nginx, read timeout 2 s",
        directives: IDLE,
        idle: Some(0),
        ..NGINX
    },
    Setting {
        name: "idle, nginx, read timeout 2 s, heartbeat 1 s",
        directives: IDLE,
        idle: Some(1),
        ..NGINX
    },
    Setting {
        name: "idle, HAProxy, all timeouts 2 s",
        directives: "timeout client 2s\n    timeout server 2s\n    timeout tunnel 2s",
        idle: Some(0),
        ..HAPROXY
    },
    Setting {
        name: "idle, HAProxy, all timeouts 2 s, heartbeat 1 s",
        directives: "timeout client 2s\n    timeout server 2s\n    timeout tunnel 2s",
        idle: Some(1),
        ..HAPROXY
    },
    Setting {
        name: "idle, HAProxy, timeout tunnel 1 h beside 2 s",
        directives: "timeout client 2s\n    timeout server 2s\n    timeout tunnel 1h",
        idle: Some(0),
        ..HAPROXY
    },
];
