//! Argon2 in a queue of its own, apart from database connections, reads and uploads. It has as many threads as cores; each reuses
//! one block of memory.
//!
//! Invariants: memory is cores × 19 MiB for any number of sign-ins. A full queue answers before a hash is made. A hash that
//! cannot be made or read is never a wrong password.

use crate::hash::{random_bytes, same_secret};
use crate::http::error::Fault;
use argon2::password_hash::phc::{Output, ParamsString, Salt};
use argon2::{Algorithm, Argon2, Block, Params, PasswordHash, Version};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// The result of comparing a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Right,
    Wrong,
}

/// Why there is no verdict or no hash. None of these is anybody's failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashFault {
    /// Too many wait already.
    Full,
    NoMemory,
    /// The stored hash cannot be read, or asks for more than this server gives.
    Damaged,
    /// The queue has ended.
    Gone,
}

impl From<HashFault> for Fault {
    fn from(fault: HashFault) -> Self {
        match fault {
            HashFault::Full | HashFault::NoMemory | HashFault::Gone => Self::Busy,
            HashFault::Damaged => Self::Failed("a stored password hash cannot be read".to_owned()),
        }
    }
}

/// A hash of an unknown password, with the parameters of all others. It is compared for addresses that no user has.
pub const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$bm9ib2R5IGF0IGFsbCBoYXMgdGhpcyBwYXNzd29yZCE";

/// The most that a stored hash may ask for. Ours ask for 19 MiB, 2 passes and 1 lane.
const MOST_MEMORY_KIB: u32 = 64 * 1_024;
const MOST_PASSES: u32 = 8;
const MOST_LANES: u32 = 4;
/// Memory that a thread keeps between two hashes, in blocks of 1 KiB.
const KEPT_BLOCKS: usize = 19 * 1_024;
/// Jobs for each thread that may wait; at about 25 ms each the last waits less than a second.
const PLACES_EACH: usize = 32;

/// Memory for hashes, used again.
#[derive(Default)]
pub struct Memory {
    blocks: Vec<Block>,
}

impl Memory {
    fn blocks(&mut self, count: usize) -> Result<&mut [Block], HashFault> {
        let missing = count.saturating_sub(self.blocks.len());
        self.blocks.try_reserve_exact(missing).map_err(|_| HashFault::NoMemory)?;
        if missing > 0 {
            self.blocks.resize(count, Block::new());
        }
        self.blocks.get_mut(..count).ok_or(HashFault::NoMemory)
    }

    /// Frees the memory that one unusual hash needed.
    fn shrink(&mut self) {
        if self.blocks.len() > KEPT_BLOCKS {
            self.blocks.truncate(KEPT_BLOCKS);
            self.blocks.shrink_to_fit();
        }
    }

    /// Argon2id with the library's recommended cost (19 MiB, 2 passes), as a PHC string.
    pub fn hash(&mut self, password: &str) -> Result<String, HashFault> {
        let params = Params::DEFAULT;
        let damaged = |_| HashFault::Damaged;
        let salt = Salt::new(random_bytes().get(..16).unwrap_or_default()).map_err(|_| HashFault::Damaged)?;
        let mut out = [0_u8; Params::DEFAULT_OUTPUT_LEN];
        let kept = ParamsString::try_from(&params).map_err(|_| HashFault::Damaged)?;
        let blocks = self.blocks(params.block_count())?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon2.hash_password_into_with_memory(password.as_bytes(), &salt, &mut out, blocks).map_err(damaged)?;
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: kept,
            salt: Some(salt),
            hash: Some(Output::new(&out).map_err(|_| HashFault::Damaged)?),
        };
        Ok(hash.to_string())
    }

    /// Takes the same time whether or not such a user exists: without a stored hash it compares `NOBODY`.
    pub fn verify(&mut self, password: &str, stored: &str) -> Result<Verdict, HashFault> {
        let (text, known) = if stored.is_empty() { (NOBODY, false) } else { (stored, true) };
        let parsed = PasswordHash::new(text).map_err(|_| HashFault::Damaged)?;
        let params = Params::try_from(&parsed).map_err(|_| HashFault::Damaged)?;
        if params.m_cost() > MOST_MEMORY_KIB || params.t_cost() > MOST_PASSES || params.p_cost() > MOST_LANES {
            return Err(HashFault::Damaged);
        }
        let algorithm = Algorithm::try_from(parsed.algorithm.as_str()).map_err(|_| HashFault::Damaged)?;
        let version = parsed.version.map_or(Ok(Version::V0x13), Version::try_from).map_err(|_| HashFault::Damaged)?;
        let (Some(salt), Some(wanted)) = (parsed.salt, parsed.hash) else { return Err(HashFault::Damaged) };
        let mut out = vec![0_u8; wanted.len()];
        let blocks = self.blocks(params.block_count())?;
        let argon2 = Argon2::new(algorithm, version, params);
        let made = argon2.hash_password_into_with_memory(password.as_bytes(), &salt, &mut out, blocks);
        self.shrink();
        made.map_err(|_| HashFault::Damaged)?;
        let same = same_secret(&crate::hash::hex(&out), &crate::hash::hex(wanted.as_bytes()));
        Ok(if same && known { Verdict::Right } else { Verdict::Wrong })
    }
}

enum Work {
    Verify { password: String, stored: String, reply: oneshot::Sender<Result<Verdict, HashFault>> },
    Hash { password: String, reply: oneshot::Sender<Result<String, HashFault>> },
}

struct Job {
    work: Work,
    /// Given back when the work is done or dropped.
    place: OwnedSemaphorePermit,
}

/// The queue; dropping it ends its threads.
pub struct Hashing {
    jobs: mpsc::Sender<Job>,
    places: Arc<Semaphore>,
    hashed: Arc<AtomicU64>,
}

impl Hashing {
    /// A thread for each core.
    #[must_use]
    pub fn start() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (jobs, inbox) = mpsc::channel();
        let inbox = Arc::new(Mutex::new(inbox));
        let hashed = Arc::<AtomicU64>::default();
        for number in 0..threads {
            let (inbox, hashed) = (Arc::clone(&inbox), Arc::clone(&hashed));
            let thread = std::thread::Builder::new().name(format!("hashing-{number}"));
            if let Err(error) = thread.spawn(move || run(&inbox, &hashed)) {
                tracing::error!(%error, "no thread for passwords");
            }
        }
        Self { jobs, places: Arc::new(Semaphore::new(threads.saturating_mul(PLACES_EACH))), hashed }
    }

    /// Passwords hashed since the start, right, wrong and new.
    #[must_use]
    pub fn hashed(&self) -> u64 {
        self.hashed.load(Ordering::Relaxed)
    }

    /// Takes all places: for tests of what a full queue answers. The last job gives its place back a moment after its answer.
    #[must_use]
    pub fn fill(&self) -> Option<OwnedSemaphorePermit> {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let all = u32::try_from(threads.saturating_mul(PLACES_EACH)).unwrap_or(u32::MAX);
        std::iter::repeat_with(|| Arc::clone(&self.places).try_acquire_many_owned(all).ok())
            .take(1_000)
            .find(|taken| {
                taken.is_some() || {
                    std::thread::sleep(Duration::from_millis(5));
                    false
                }
            })
            .flatten()
    }

    fn send(&self, work: Work) -> Result<(), HashFault> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| HashFault::Full)?;
        self.jobs.send(Job { work, place }).map_err(|_| HashFault::Gone)
    }

    /// Compares a password with a stored hash; with none, it takes as long and is wrong.
    pub async fn verify(&self, password: &str, stored: &str) -> Result<Verdict, HashFault> {
        let (reply, verdict) = oneshot::channel();
        self.send(Work::Verify { password: password.to_owned(), stored: stored.to_owned(), reply })?;
        verdict.await.unwrap_or(Err(HashFault::Gone))
    }

    pub async fn hash(&self, password: &str) -> Result<String, HashFault> {
        let (reply, hash) = oneshot::channel();
        self.send(Work::Hash { password: password.to_owned(), reply })?;
        hash.await.unwrap_or(Err(HashFault::Gone))
    }
}

/// Works until no caller can send any more. A job whose caller has stopped waiting is dropped unhashed.
fn run(inbox: &Mutex<mpsc::Receiver<Job>>, hashed: &AtomicU64) {
    let mut memory = Memory::default();
    loop {
        let Ok(received) = inbox.lock().map(|inbox| inbox.recv()) else { return };
        let Ok(Job { work, place }) = received else { return };
        match work {
            Work::Verify { reply, .. } if reply.is_closed() => {}
            Work::Hash { reply, .. } if reply.is_closed() => {}
            Work::Verify { password, stored, reply } => {
                hashed.fetch_add(1, Ordering::Relaxed);
                let _ = reply.send(memory.verify(&password, &stored));
            }
            Work::Hash { password, reply } => {
                hashed.fetch_add(1, Ordering::Relaxed);
                let _ = reply.send(memory.hash(&password));
            }
        }
        drop(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "counting house by the quay";

    fn wait<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn passwords_verify_only_themselves() {
        let mut memory = Memory::default();
        let hash = memory.hash(PASSWORD).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(memory.verify(PASSWORD, &hash), Ok(Verdict::Right));
        assert_eq!(memory.verify("another", &hash), Ok(Verdict::Wrong));
        assert_eq!(memory.verify("", ""), Ok(Verdict::Wrong));
        assert_ne!(memory.hash(PASSWORD).unwrap(), hash, "another salt");
        let library = argon2::PasswordVerifier::verify_password(&Argon2::default(), PASSWORD.as_bytes(), hash.as_str());
        assert!(library.is_ok(), "the library says the same");
    }

    #[test]
    fn nobody_costs_what_everybody_costs() {
        let params = Params::try_from(&PasswordHash::new(NOBODY).unwrap()).unwrap();
        let usual = Params::DEFAULT;
        assert_eq!(
            (params.m_cost(), params.t_cost(), params.p_cost(), params.output_len()),
            (usual.m_cost(), usual.t_cost(), usual.p_cost(), Some(Params::DEFAULT_OUTPUT_LEN))
        );
        assert_eq!(usual.block_count(), KEPT_BLOCKS);
    }

    #[test]
    fn the_parameters_of_the_stored_hash_count_and_are_bounded() {
        let mut memory = Memory::default();
        let other = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(32 * 1_024, 1, 2, None).unwrap());
        let hash = argon2::PasswordHasher::hash_password(&other, PASSWORD.as_bytes()).unwrap().to_string();
        assert_eq!(memory.verify(PASSWORD, &hash), Ok(Verdict::Right));
        assert_eq!(memory.blocks.capacity(), KEPT_BLOCKS, "the rest is given back");
        let rest = NOBODY.split("p=1").nth(1).unwrap();
        for damaged in [
            "nonsense".to_owned(),
            "$argon2id$v=19$m=19456,t=2,p=1".to_owned(),
            format!("$argon2id$v=19$m=4294967295,t=2,p=1{rest}"),
            format!("$argon2id$v=19$m=19456,t=4294967295,p=1{rest}"),
            format!("$argon2id$v=19$m=19456,t=2,p=999{rest}"),
            format!("$scrypt$v=19$m=19456,t=2,p=1{rest}"),
        ] {
            assert_eq!(memory.verify(PASSWORD, &damaged), Err(HashFault::Damaged), "{damaged}");
        }
        assert!(matches!(Fault::from(HashFault::NoMemory), Fault::Busy));
        assert!(matches!(Fault::from(HashFault::Damaged), Fault::Failed(_)));
    }

    #[test]
    fn a_full_queue_hashes_nothing_and_who_has_left_is_dropped() {
        let hashing = Hashing::start();
        assert_eq!(wait(hashing.verify("another", NOBODY)), Ok(Verdict::Wrong));
        let before = hashing.hashed();
        let all = hashing.fill().unwrap();
        assert_eq!(wait(hashing.verify(PASSWORD, "")), Err(HashFault::Full));
        assert_eq!(wait(hashing.hash(PASSWORD)), Err(HashFault::Full));
        drop(all);
        let (reply, left) = oneshot::channel();
        drop(left);
        hashing.send(Work::Verify { password: PASSWORD.to_owned(), stored: String::new(), reply }).unwrap();
        assert!(wait(hashing.hash(PASSWORD)).is_ok());
        assert_eq!(hashing.hashed(), before + 1, "only the one that was waited for");
    }
}
