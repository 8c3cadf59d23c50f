//! A process and what it cost: CPU, peak memory, and when its first line came.

use std::io::{BufWriter, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a process cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// User and system time, in nanoseconds.
    pub cpu_ns: u64,
    /// The most memory that it held, in bytes.
    pub peak_bytes: u64,
}

/// Runs a process to its end with its output thrown away.
pub fn cost(command: &mut Command) -> Cost {
    wait(command.stdout(Stdio::null()).spawn().expect("the process starts"))
}

/// Runs a process to its end, and tells how long after its start its first line came.
pub fn first_line(command: &mut Command) -> (Duration, Cost) {
    let started = Instant::now();
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the process starts");
    let mut output = child.stdout.take().expect("its output is a pipe");
    let mut chunk = vec![0; 1 << 16];
    let mut first = None;
    loop {
        let n = output.read(&mut chunk).expect("its output can be read");
        if n == 0 {
            break;
        }
        if first.is_none() && chunk[..n].contains(&b'\n') {
            first = Some(started.elapsed());
        }
    }
    (first.unwrap_or_default(), wait(child))
}

/// Runs a process to its end with what `write` writes as its input; a file of any size needs no room so.
pub fn cost_of_input(command: &mut Command, write: impl FnOnce(&mut dyn Write)) -> Cost {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the process starts");
    let mut input = BufWriter::new(child.stdin.take().expect("its input is a pipe"));
    write(&mut input);
    input.flush().expect("its input can be written");
    drop(input);
    wait(child)
}

#[allow(clippy::needless_pass_by_value)] // Whoever has waited for a process has no process any more.
fn wait(child: Child) -> Cost {
    let pid = libc::pid_t::try_from(child.id()).expect("a process id");
    let mut status = 0;
    // SAFETY: all-zero bytes are a valid `rusage`, and `wait4` writes only into the two that it is given.
    let (waited, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::wait4(pid, &raw mut status, 0, &raw mut usage), usage)
    };
    assert!(waited == pid && status == 0, "the process ended with status {status}");
    let ns = |t: libc::timeval| t.tv_sec.unsigned_abs() * 1_000_000_000 + t.tv_usec.unsigned_abs() * 1_000;
    Cost { cpu_ns: ns(usage.ru_utime) + ns(usage.ru_stime), peak_bytes: usage.ru_maxrss.unsigned_abs() * 1024 }
}
