//! How much memory may still be taken.

use std::fs::read_to_string;

/// Bytes that this process can still allocate: the smaller of what the system has available and what is left of the
/// control group's limit. `u64::MAX` where neither can be read.
pub fn available() -> u64 {
    system()
        .min(group("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"))
        .min(group("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"))
}

fn system() -> u64 {
    let found = read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|l| l.starts_with("MemAvailable:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    found.map_or(u64::MAX, |kib| kib * 1024)
}

fn group(limit: &str, usage: &str) -> u64 {
    let number = |path| read_to_string(path).ok()?.trim().parse::<u64>().ok();
    match (number(limit), number(usage)) {
        (Some(limit), Some(usage)) => limit.saturating_sub(usage),
        _ => u64::MAX,
    }
}
