//! Runs plugins: components of our own world, which have nothing that was not granted.
