//! The only integration binary: the whole service on real sockets, with the real parts around it.
