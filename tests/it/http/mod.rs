//! Our side of HTTP on real sockets: what every answer carries, what is refused, and how connections end.

mod answers;
mod connections;
mod cors;
mod logging;
mod malformed;
mod origins;
mod rate_limit;
mod room;
mod shutdown;
mod support;
mod tls;
