//! What the system tells of this process. Where it tells nothing, all of it is zero.

use std::fs::{read_dir, read_to_string};
use std::time::Duration;

/// Memory that this process holds, in KiB.
pub(crate) fn resident() -> u64 {
    let status = read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.trim().parse().ok()).unwrap_or(0)
}

/// What a thread had of the CPUs.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ran {
    /// It ran.
    pub(crate) cpu: Duration,
    /// It could have run, and others did.
    pub(crate) waited: Duration,
}

impl Ran {
    /// This thread, until now.
    pub(crate) fn this_thread() -> Self {
        Self::read("/proc/thread-self/schedstat")
    }

    fn read(path: &str) -> Self {
        let text = read_to_string(path).unwrap_or_default();
        let mut nanos = text.split_whitespace().map(|n| n.parse().unwrap_or(0));
        let mut next = || Duration::from_nanos(nanos.next().unwrap_or(0));
        Self {
            cpu: next(),
            waited: next(),
        }
    }
}

impl std::ops::AddAssign for Ran {
    fn add_assign(&mut self, other: Self) {
        self.cpu += other.cpu;
        self.waited += other.waited;
    }
}

/// The threads of this process whose names begin like that, by name.
pub(crate) fn threads(prefix: &str) -> Vec<(String, Ran)> {
    let tasks = read_dir("/proc/self/task").into_iter().flatten().flatten();
    let named = tasks.filter_map(|task| {
        let path = task.path();
        let name = read_to_string(path.join("comm")).ok()?.trim().to_owned();
        let schedstat = path.join("schedstat");
        name.starts_with(prefix)
            .then(|| (name, Ran::read(&schedstat.to_string_lossy())))
    });
    named.collect()
}

/// What this process ran, those of its threads that have ended among it, to a hundredth of a second.
pub(crate) fn cpu() -> Duration {
    const TICKS_A_SECOND: u32 = 100;
    let stat = read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may hold anything; user and system time are the 12th and 13th after it.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let times = fields.split_whitespace().skip(11).take(2);
    let ticks: u32 = times.map(|ticks| ticks.parse().unwrap_or(0)).sum();
    Duration::from_secs(ticks.into()) / TICKS_A_SECOND
}
