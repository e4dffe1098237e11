//! Random numbers ahead of their step: they do not depend on where chains are. The noise of a short vector is made while the
//! processor waits for the sums that decide about a step, that of many chains by another thread while this one waits for their
//! densities; the numbers that decide about steps are made together.

use super::vector::PIECE;
use crate::error::Result;
use crate::numeric::aligned::Aligned;
use crate::rng::{Purpose, STEPS, Stream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The normals of a step of a chain and of the next one, each at its place in the streams.
pub struct Noise {
    normals: [Aligned<f64>; 2],
    of: [Of; 2],
    /// What decides about the steps from one on.
    decisions: [f64; STEPS],
    decides: Of,
}

/// Key, chain and step of what is there.
type Of = Option<(u64, u32, u64)>;

impl Noise {
    /// None yet, of vectors of so many numbers. Long vectors get no room.
    pub fn new(size: usize) -> Result<Self> {
        let size = if size > PIECE { 0 } else { size };
        Ok(Self {
            normals: [Aligned::zeroed(size)?, Aligned::zeroed(size)?],
            of: [None; 2],
            decisions: [0.0; STEPS],
            decides: None,
        })
    }

    /// The noise of a step of a chain, made unless it is there.
    pub fn of(&mut self, key: u64, chain: u32, step: u64) -> &[f64] {
        let slot = (step % 2) as usize;
        if self.of[slot] != Some((key, chain, step)) {
            Stream::new(key, chain, step).normals(Purpose::Noise, 0, &mut self.normals[slot]);
            self.of[slot] = Some((key, chain, step));
        }
        &self.normals[slot]
    }

    /// The uniform number that decides about a step of a chain.
    pub fn decision(&mut self, key: u64, chain: u32, step: u64) -> f64 {
        let first = step - step % STEPS as u64;
        if self.decides != Some((key, chain, first)) {
            self.decisions = Stream::new(key, chain, first).uniform_of_steps(Purpose::Accept);
            self.decides = Some((key, chain, first));
        }
        self.decisions[step as usize % STEPS]
    }
}

/// Most numbers that another thread makes ahead: so many take a few milliseconds.
const MOST: usize = 1 << 20;

/// Tasks that may wait for a thread: where all are busy more would only take memory.
const QUEUED: usize = 8;

/// Room for the normals of one step of a block, and what is to be in it.
struct Room {
    normals: Aligned<f64>,
    /// Key and step of what is wanted.
    wanted: Option<(u64, u64)>,
    is_made: bool,
}

/// What another thread makes while this one calls a function of the user. Nobody waits for a thread that has not begun: rayon's
/// `join` would take up other work meanwhile, which may be a whole run.
#[derive(Default)]
pub struct Errand(Option<Arc<Mutex<Room>>>);

fn lock(room: &Mutex<Room>) -> MutexGuard<'_, Room> {
    room.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Errand {
    /// Asks for the normals of a step of chains from `first` on, of vectors of d numbers and `size` numbers in all.
    pub fn ask(&mut self, key: u64, first: u32, step: u64, d: usize, size: usize) {
        if size > MOST || rayon::current_thread_index().is_none() || rayon::current_num_threads() < 2 {
            return;
        }
        if self.0.is_none() {
            // Without memory there is no help.
            let room = |normals| Arc::new(Mutex::new(Room { normals, wanted: None, is_made: false }));
            self.0 = Aligned::zeroed(size).ok().map(room);
        }
        let Some(room) = self.0.as_ref().filter(|room| Arc::strong_count(room) <= QUEUED).cloned() else { return };
        let wanted = Some((key, step));
        {
            let mut room = lock(&room);
            (room.wanted, room.is_made) = (wanted, false);
        }
        rayon::spawn(move || {
            let mut room = lock(&room);
            // Who asked may have gone on, and asked for more.
            if room.wanted == wanted && !room.is_made {
                for (i, normals) in room.normals.chunks_exact_mut(d).enumerate() {
                    Stream::new(key, first + i as u32, step).normals(Purpose::Noise, 0, normals);
                }
                room.is_made = true;
            }
        });
    }

    /// Puts the normals of a step in `out`, if they are made, or nearly so; nothing is wanted any more.
    pub fn fetch(&mut self, key: u64, step: u64, out: &mut Aligned<f64>) -> bool {
        let Some(room) = &self.0 else { return false };
        let mut room = lock(room);
        let found = room.is_made && room.wanted.take() == Some((key, step));
        room.wanted = None;
        if found {
            std::mem::swap(&mut room.normals, out);
        }
        found
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::parallel::private_pool;

    #[test]
    fn decisions_are_those_of_each_step_alone() {
        let mut noise = Noise::new(3).unwrap();
        for (chain, step) in [(0, 0), (0, 1), (0, 7), (0, 8), (0, 3), (1, 3), (1, (1 << 32) - 1), (1, 1 << 32), (1, 0)]
        {
            let alone = Stream::new(7, chain, step).uniform(Purpose::Accept, 0);
            assert_eq!(noise.decision(7, chain, step), alone, "step {step} of chain {chain}");
        }
    }

    #[test]
    fn an_errand_brings_what_was_asked_for_or_nothing() {
        let (d, size) = (40, 120);
        let mut expected = vec![0.0; size];
        for (i, row) in expected.chunks_exact_mut(d).enumerate() {
            Stream::new(3, 5 + i as u32, 9).normals(Purpose::Noise, 0, row);
        }
        let mut out = Aligned::zeroed(size).unwrap();
        let mut errand = Errand::default();
        errand.ask(3, 5, 9, d, size);
        assert!(!errand.fetch(3, 9, &mut out), "there is no other thread");
        private_pool(2).unwrap().install(|| {
            let patience = std::time::Instant::now();
            loop {
                errand.ask(3, 5, 9, d, size);
                std::thread::sleep(std::time::Duration::from_millis(1));
                if errand.fetch(3, 9, &mut out) {
                    break;
                }
                assert!(patience.elapsed().as_secs() < 20);
            }
            assert_eq!(*out, *expected);
            assert!(!errand.fetch(3, 9, &mut out), "it is there once");
            errand.ask(3, 5, 9, d, size);
            assert!(!errand.fetch(3, 10, &mut out), "another step");
        });
    }

    #[test]
    fn tasks_that_nobody_takes_up_do_not_pile_up() {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let (mut errand, mut out) = (Errand::default(), Aligned::zeroed(20).unwrap());
        private_pool(2).unwrap().install(|| {
            rayon::spawn(move || receiver.recv().unwrap());
            for step in 0..1000 {
                errand.fetch(3, step, &mut out);
                errand.ask(3, 0, step + 1, 10, 20);
            }
            let queued = errand.0.as_ref().map_or(0, Arc::strong_count);
            sender.send(()).unwrap();
            assert!(queued <= QUEUED + 1, "{queued}");
        });
    }
}
