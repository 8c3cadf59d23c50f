//! Processes of `ringback run` under a supervisor: one that ends is started again, as it is where it is installed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::process::{signal, wait_until};
use crate::world::World;

/// A member of the group, from its first start until it leaves.
pub struct Member {
    name: &'static str,
    told: Arc<Told>,
    supervisor: Option<JoinHandle<()>>,
}

/// What its processes did.
#[derive(Default)]
struct Told {
    lines: Mutex<Vec<String>>,
    pid: AtomicU32,
    ends: AtomicU32,
    is_leaving: AtomicBool,
}

/// A supervisor waits so long before it starts a process again.
const PAUSE: Duration = Duration::from_millis(300);

impl Member {
    pub fn start(name: &'static str, world: &World, settings: &Path) -> Member {
        let told = Arc::new(Told::default());
        let mut command = world.run(settings, &[]);
        command.stderr(Stdio::piped());
        let seen = Arc::clone(&told);
        let supervisor = std::thread::spawn(move || {
            while !seen.is_leaving.load(Ordering::SeqCst) {
                let mut process = command.spawn().expect("it starts");
                seen.pid.store(process.id(), Ordering::SeqCst);
                if seen.is_leaving.load(Ordering::SeqCst) {
                    let _ = process.kill();
                }
                for line in lines(&mut process) {
                    println!("{name}: {line}");
                    seen.lines.lock().expect("lines").push(line);
                }
                let status = process.wait().expect("waited");
                seen.pid.store(0, Ordering::SeqCst);
                seen.ends.fetch_add(1, Ordering::SeqCst);
                println!("{name}: ended, {status}");
                std::thread::sleep(PAUSE);
            }
        });
        Member { name, told, supervisor: Some(supervisor) }
    }

    /// Lines that its processes have said.
    pub fn lines(&self) -> Vec<String> {
        self.told.lines.lock().expect("lines").clone()
    }

    /// How often its process has ended.
    pub fn ends(&self) -> u32 {
        self.told.ends.load(Ordering::SeqCst)
    }

    /// Partitions that it has: it has said of each that it goes on, and not that it is another's.
    pub fn partitions(&self) -> Vec<u32> {
        let mut ours = std::collections::BTreeSet::new();
        for line in self.lines() {
            let Some((number, what)) = line.strip_prefix("partition ").and_then(|l| l.split_once(": ")) else {
                continue;
            };
            let number = number.parse().expect("a number");
            if what.starts_with("goes on") {
                ours.insert(number);
            } else if what.starts_with("is another's") {
                ours.remove(&number);
            }
        }
        ours.into_iter().collect()
    }

    /// Waits until it has so many partitions.
    pub fn wait_for_partitions(&self, number: usize) {
        wait_until(&format!("{} has {number} partitions", self.name), || self.partitions().len() == number);
    }

    /// A figure that the process shows of itself.
    pub fn figure(&self, name: &str) -> Option<u64> {
        let url = self.lines().into_iter().rev().find(|line| line.starts_with("http://"))?;
        let address = url.strip_prefix("http://")?.strip_suffix("/ready")?.to_owned();
        let mut stream = TcpStream::connect(&address).ok()?;
        write!(stream, "GET /metrics HTTP/1.0\r\nHost: {address}\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    }

    pub fn signal(&self, name: &str) {
        let pid = self.told.pid.load(Ordering::SeqCst);
        assert!(pid > 0, "{} does not run", self.name);
        signal(name, pid);
    }

    /// Leaves as it does when it is told to: nothing of what it had is on its way afterwards.
    pub fn leave(mut self) {
        self.told.is_leaving.store(true, Ordering::SeqCst);
        // One that has just ended is not started again.
        if self.told.pid.load(Ordering::SeqCst) > 0 {
            self.signal("TERM");
        }
        self.supervisor.take().expect("a supervisor").join().expect("joined");
        let panicked: Vec<String> = self.lines().into_iter().filter(|line| line.contains("panicked")).collect();
        assert!(panicked.is_empty(), "{}: {panicked:#?}", self.name);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let Some(supervisor) = self.supervisor.take() else { return };
        self.told.is_leaving.store(true, Ordering::SeqCst);
        let pid = self.told.pid.load(Ordering::SeqCst);
        if pid > 0 {
            signal("KILL", pid);
        }
        let _ = supervisor.join();
    }
}

/// What a process says on standard error, line by line, until it ends.
pub fn lines(process: &mut Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(process.stderr.take().expect("a pipe")).lines().map_while(Result::ok)
}
