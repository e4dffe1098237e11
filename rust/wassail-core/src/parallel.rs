//! Own thread pools and deterministic chunked loops.
//!
//! Chunks depend on the problem only and partial results are combined in order, so that a result has the same
//! bits for any number of threads. Pools are never rayon's global one: they are keyed by process id, because threads do
//! not survive a fork.

use crate::error::Result;
use crate::monitor::Monitor;
use rayon::prelude::*;
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

static CHOSEN: AtomicUsize = AtomicUsize::new(0);

/// Sets the default number of threads; 0 returns to the environment's.
pub fn set_num_threads(n: usize) {
    CHOSEN.store(n, Ordering::Relaxed);
}

/// Default number of threads: `set_num_threads`, else the first of `WASSAIL_NUM_THREADS`, `RAYON_NUM_THREADS` and
/// `OMP_NUM_THREADS` that is a positive integer, else the processors this process may use.
pub fn num_threads() -> usize {
    let chosen = CHOSEN.load(Ordering::Relaxed);
    if chosen > 0 {
        return chosen;
    }
    ["WASSAIL_NUM_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS"]
        .iter()
        .filter_map(|name| std::env::var(name).ok()?.trim().parse().ok())
        .find(|&n: &usize| n > 0)
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// Work below this many elementary steps (about 1 ns each) is faster on the calling thread than handed to a pool.
pub const SERIAL_BELOW: usize = 250_000;

/// Most threads of a pool, as a multiple of the processors and at least: more only take memory, and answers do not change.
const MOST_THREADS: (usize, usize) = (4, 64);
/// Pools that are kept for the next call.
const KEPT_POOLS: usize = 8;

type Pools = HashMap<(u32, usize), Arc<rayon::ThreadPool>>;
static POOLS: Mutex<Option<Pools>> = Mutex::new(None);

/// The shared pool of `n` threads of this process (0 = default size). What runs there must not wait for another thread's
/// doing: a worker that waits inside `join` may have taken it up and would not get back.
pub fn pool(n: usize) -> Option<Arc<rayon::ThreadPool>> {
    let n = size(n);
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let pools = pools.get_or_insert_with(HashMap::new);
    let key = (std::process::id(), n);
    if let Some(found) = pools.get(&key) {
        return Some(found.clone());
    }
    // A parent's pools have no threads here: forget them without joining.
    let stale: Vec<_> = pools.keys().filter(|k| k.0 != key.0).copied().collect();
    for k in stale {
        std::mem::forget(pools.remove(&k));
    }
    if pools.len() >= KEPT_POOLS {
        pools.clear();
    }
    let built = private_pool(n)?;
    pools.insert(key, built.clone());
    Some(built)
}

/// A pool of `n` threads (0 = default size) for one job, which may wait: a call into Python takes long against its start.
pub fn private_pool(n: usize) -> Option<Arc<rayon::ThreadPool>> {
    let name = |i| format!("wassail-{i}");
    rayon::ThreadPoolBuilder::new().num_threads(size(n)).thread_name(name).build().ok().map(Arc::new)
}

/// Whether the calling thread belongs to a pool.
pub fn is_worker() -> bool {
    rayon::current_thread_index().is_some()
}

fn size(n: usize) -> usize {
    let most = std::thread::available_parallelism().map_or(1, usize::from).saturating_mul(MOST_THREADS.0);
    (if n == 0 { num_threads() } else { n }).min(most.max(MOST_THREADS.1))
}

/// Splits `0..n` into ranges of a multiple of `grain`, at most `most` of them.
pub fn chunks(n: usize, grain: usize, most: usize) -> Vec<Range<usize>> {
    let units = n.div_ceil(grain);
    let size = units.div_ceil(most.max(1)).max(1) * grain;
    (0..n).step_by(size).map(|start| start..(start + size).min(n)).collect()
}

/// Maps every item, in parallel inside a pool and in order otherwise; stops early when the monitor says so.
pub fn map_chunks<S: Send, R: Send>(
    items: Vec<S>,
    monitor: &dyn Monitor,
    work: impl Fn(S) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let guarded = |item| {
        monitor.check()?;
        work(item)
    };
    if items.len() > 1 && rayon::current_thread_index().is_some() && rayon::current_num_threads() > 1 {
        items.into_par_iter().with_max_len(1).map(guarded).collect()
    } else {
        items.into_iter().map(guarded).collect()
    }
}

/// Last parts of a round come to this share of it for each thread.
const TAIL: f64 = 0.02;
const MOST_PARTS: usize = 6;

/// Parts that items of equal work are best done in, so that no thread waits long for another's last one: halves, quarters and so
/// on of what is left. As many items as threads wait for each other all the same.
pub fn parts(items: usize) -> usize {
    let threads = if rayon::current_thread_index().is_some() { rayon::current_num_threads() } else { 1 };
    if threads < 2 || items <= threads {
        return 1;
    }
    let share = threads as f64 / (TAIL * items as f64);
    (1 + share.max(1.0).log2().ceil() as usize).min(MOST_PARTS)
}

/// Does the parts of every item, those of one in turn: whoever is free takes the item that has waited longest. Stops early when the
/// monitor says so.
pub fn in_parts<S: Send>(
    items: &mut [S],
    parts: usize,
    monitor: &dyn Monitor,
    work: impl Fn(&mut S, usize) -> Result<()> + Sync,
) -> Result<()> {
    let workers =
        if rayon::current_thread_index().is_some() { rayon::current_num_threads().min(items.len()) } else { 1 };
    let waiting: Mutex<VecDeque<_>> = Mutex::new(items.iter_mut().map(|item| (item, 0)).collect());
    let queue = || waiting.lock().unwrap_or_else(PoisonError::into_inner);
    let next = || queue().pop_front();
    let take = |_: usize| {
        while let Some((item, part)) = next() {
            monitor.check()?;
            work(item, part)?;
            if part + 1 < parts {
                queue().push_back((item, part + 1));
            }
        }
        Ok(())
    };
    if workers > 1 { (0..workers).into_par_iter().with_max_len(1).map(take).collect() } else { take(0) }
}

/// Does two things that do not depend on each other, at the same time inside a pool and in turn otherwise.
pub fn join(a: impl FnOnce() -> Result<()> + Send, b: impl FnOnce() -> Result<()> + Send) -> Result<()> {
    if rayon::current_thread_index().is_some() && rayon::current_num_threads() > 1 {
        let (a, b) = rayon::join(a, b);
        a.and(b)
    } else {
        a()?;
        b()
    }
}

/// Idle time after which a thread that is kept awake goes to sleep all the same.
const PATIENCE: Duration = Duration::from_micros(500);
/// Threads that are kept awake, with the one that asks for it: loops that are over in tens of µs feed no more.
const MOST_AWAKE: usize = 16;

/// Lets threads go to sleep when it is dropped.
pub struct Awake(Arc<AtomicBool>);

/// Keeps the other threads of the current pool awake, for loops that follow each other closely: to wake a thread takes as long
/// as a short loop. Outside a pool it does nothing.
pub fn keep_awake() -> Awake {
    let done = Arc::new(AtomicBool::new(false));
    if let Some(own) = rayon::current_thread_index() {
        for _ in 1..rayon::current_num_threads().min(MOST_AWAKE) {
            let done = done.clone();
            rayon::spawn(move || stay(&done, own));
        }
    }
    Awake(done)
}

impl Drop for Awake {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does what work there is. The thread that waits for it must not come here: it would not notice the end of what it waits for.
fn stay(done: &AtomicBool, waiting: usize) {
    let mut worked = Instant::now();
    while rayon::current_thread_index() != Some(waiting) && !done.load(Ordering::Relaxed) {
        if rayon::yield_now() == Some(rayon::Yield::Executed) {
            worked = Instant::now();
        } else if worked.elapsed() < PATIENCE {
            std::thread::yield_now();
        } else {
            break;
        }
    }
}

/// Sum in a fixed order: interleaved lanes are what the compiler vectorizes and what never depends on threads.
pub fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let mut lanes = [0.0; 8];
    for (i, v) in values.enumerate() {
        lanes[i % 8] += v;
    }
    ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::monitor::Silent;

    #[test]
    fn threads_that_are_kept_awake_go_on_working() {
        let rounds = || {
            let _awake = keep_awake();
            (0..200).all(|round| {
                map_chunks((0..5).collect(), &Silent, |i| Ok(i + round)).unwrap() == [0, 1, 2, 3, 4].map(|i| i + round)
            })
        };
        assert!(rounds());
        // The second call finds the threads of the first, on their way to sleep or asleep.
        let pool = private_pool(3).unwrap();
        assert!((0..2).all(|_| pool.install(rounds)));
        std::thread::sleep(4 * PATIENCE);
        assert!(pool.install(rounds));
    }

    #[test]
    fn all_parts_are_done_in_their_order() {
        let run = || {
            let mut items = vec![Vec::new(); 7];
            in_parts(&mut items, 4, &Silent, |item, part| {
                item.push(part);
                Ok(())
            })
            .unwrap();
            items.iter().all(|item| item[..] == [0, 1, 2, 3])
        };
        assert!(run());
        let pool = private_pool(3).unwrap();
        assert!(pool.install(run));
        let failed =
            |item: &mut usize, part: usize| if (*item, part) == (4, 2) { Err(Error::Overflow) } else { Ok(()) };
        assert!(pool.install(|| in_parts(&mut [1, 2, 3, 4, 5], 3, &Silent, failed)).is_err());
        assert_eq!((parts(64), pool.install(|| parts(3)), pool.install(|| parts(1000))), (1, 1, 1));
        assert_eq!(pool.install(|| parts(24)), 4);
    }

    #[test]
    fn two_things_are_done_or_fail() {
        let pool = private_pool(2).unwrap();
        for inside in [false, true] {
            let run = |a: Result<()>, b: Result<()>| {
                if inside { pool.install(|| join(|| a, || b)) } else { join(|| a, || b) }
            };
            assert_eq!(run(Ok(()), Ok(())), Ok(()));
            assert!(run(Err(crate::error::Error::Overflow), Ok(())).is_err());
            assert!(run(Ok(()), Err(crate::error::Error::Overflow)).is_err());
        }
    }
}
