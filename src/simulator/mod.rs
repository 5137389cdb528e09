//! A Spacelift of our own for the demo and the tests.
