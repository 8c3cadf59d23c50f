//! A process and what it cost: CPU, peak memory, and when its first line came.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufWriter, Read, Write};
use std::os::unix::process::CommandExt;
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

/// Runs a process to its end, and looks at its memory while it runs: what the kernel tells at the end counts a large parent too.
pub fn cost_watched(command: &mut Command) -> Cost {
    #[allow(clippy::zombie_processes)] // `wait_for` waits for it.
    let child = bound(command).spawn().expect("the process starts");
    let mut peak_bytes = 0;
    loop {
        peak_bytes = peak_bytes.max(peak_of(child.id()));
        if let Some(cost) = wait_for(&child, libc::WNOHANG) {
            return Cost { peak_bytes, ..cost };
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// How often the memory of a process is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

fn peak_of(pid: u32) -> u64 {
    let told = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = told.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    peak.map_or(0, |kb: u64| kb * 1024)
}

/// CPU that a process and those that it started have used so far, in nanoseconds, to a hundredth of a second.
#[must_use]
pub fn cpu_ns_of_tree(pid: u32) -> u64 {
    let mut of_parent: BTreeMap<u32, Vec<(u32, u64)>> = BTreeMap::new();
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    for pid in pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        let told = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name before the last parenthesis may hold anything; after it: state, parent, and user and system time as 12th and 13th.
        let fields: Vec<&str> = told.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
        of_parent.entry(number(1) as u32).or_default().push((pid, (number(11) + number(12)) * NS_PER_TICK));
    }
    let own = of_parent.values().flatten().find(|(known, _)| *known == pid).map_or(0, |(_, ns)| *ns);
    let mut parents = vec![pid];
    let mut total = own;
    while let Some(parent) = parents.pop() {
        for (child, ns) in of_parent.get(&parent).into_iter().flatten() {
            total += ns;
            parents.push(*child);
        }
    }
    total
}

/// The kernel tells other processes' times in hundredths of a second.
const NS_PER_TICK: u64 = 10_000_000;

/// The process will be asked to end when this thread does, however it ends.
pub fn bound(command: &mut Command) -> &mut Command {
    // SAFETY: between fork and exec only a system call is made, which touches no memory.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
            Ok(())
        })
    }
}

/// Asks a process to end.
pub fn terminate(child: &Child) {
    let pid = libc::pid_t::try_from(child.id()).expect("a process id");
    // SAFETY: no memory is touched; the process is ours and was not waited for, so its id is its own.
    unsafe { libc::kill(pid, libc::SIGTERM) };
}

#[allow(clippy::needless_pass_by_value)] // Whoever has waited for a process has no process any more.
fn wait(child: Child) -> Cost {
    wait_for(&child, 0).expect("the process has ended")
}

/// `None` if it has not ended and `options` say not to wait.
fn wait_for(child: &Child, options: libc::c_int) -> Option<Cost> {
    let pid = libc::pid_t::try_from(child.id()).expect("a process id");
    let mut status = 0;
    // SAFETY: all-zero bytes are a valid `rusage`, and `wait4` writes only into the two that it is given.
    let (waited, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::wait4(pid, &raw mut status, options, &raw mut usage), usage)
    };
    if waited == 0 {
        return None;
    }
    assert!(waited == pid && status == 0, "the process ended with status {status}");
    let ns = |t: libc::timeval| t.tv_sec.unsigned_abs() * 1_000_000_000 + t.tv_usec.unsigned_abs() * 1_000;
    Some(Cost { cpu_ns: ns(usage.ru_utime) + ns(usage.ru_stime), peak_bytes: usage.ru_maxrss.unsigned_abs() * 1024 })
}
