//! The plugins, and the one list of them.
