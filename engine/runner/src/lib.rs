//! Hands events to plugins, in order and once, and what they ask for to the office.
