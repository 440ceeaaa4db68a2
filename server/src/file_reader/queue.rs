//! Runs as many readings at once as the machine has cores. Companies take turns and each has its share. Readings beyond the
//! limits do not wait; they are refused.

use crate::http::error::Fault;
use crate::pace::Pace;
use kernel::PartyId;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Readings of one company that wait for a place. Beyond that it is asked to come back, and its file is not kept.
const OWN_WAITING: usize = 4;
/// Readings of all companies that wait. Beyond that only a company joins of which none waits.
const MOST_WAITING: usize = 32;
/// No reading joins the queue beyond this number.
const ALL_WAITING: usize = 64;

#[derive(Clone)]
pub(super) struct Queue {
    state: Arc<Mutex<State>>,
    /// Readings of one company in a second (`rate`); 0 is no bound.
    pace: Arc<Pace<PartyId>>,
    rate: u32,
}

struct State {
    /// Places that no reading uses.
    free: usize,
    /// The number of the next that waits.
    next: u64,
    running: HashMap<PartyId, usize>,
    /// Companies with readings that wait, in the order in which they are served.
    round: VecDeque<(PartyId, VecDeque<Waiting>)>,
}

struct Waiting {
    number: u64,
    served: oneshot::Sender<()>,
}

/// A place, or a place among those that wait. It is given back when this is dropped.
pub(super) struct Place {
    queue: Queue,
    company: PartyId,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.queue.state().leave(self.company, self.number);
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self::of(std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
    }
}

impl Queue {
    fn of(places: usize) -> Self {
        let state = State { free: places, next: 0, running: HashMap::new(), round: VecDeque::new() };
        Self { state: Arc::new(Mutex::new(state)), pace: Arc::default(), rate: 0 }
    }

    /// The same with a bound on how many readings one company begins in a second.
    pub fn paced(self, rate: u32) -> Self {
        Self { rate, ..self }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one reading of a company, held until it is dropped.
    pub async fn turn(&self, company: PartyId) -> Result<Place, Fault> {
        if self.rate > 0 {
            let taken = self.pace.take(&[(company, u64::from(self.rate))]);
            taken.map_err(|seconds| Fault::Limit { limit: "readings", seconds })?;
        }
        let (place, served) = self.enter(company)?;
        if let Some(served) = served {
            served.await.map_err(|error| Fault::Failed(error.to_string()))?;
        }
        Ok(place)
    }

    /// A place, or a waiting place with the channel that signals when it is served.
    fn enter(&self, company: PartyId) -> Result<(Place, Option<oneshot::Receiver<()>>), Fault> {
        let (number, served) = self.state().enter(company).ok_or(Fault::Busy)?;
        Ok((Place { queue: self.clone(), company, number }, served))
    }
}

impl State {
    /// One reading of each company runs; a second one only where yet another place stays free.
    fn may_run(&self, company: PartyId) -> bool {
        match self.running.get(&company) {
            None => self.free >= 1,
            Some(1) => self.free >= 2,
            Some(_) => false,
        }
    }

    fn run(&mut self, company: PartyId) {
        self.free = self.free.saturating_sub(1);
        let running = self.running.entry(company).or_insert(0);
        *running = running.saturating_add(1);
    }

    fn enter(&mut self, company: PartyId) -> Option<(u64, Option<oneshot::Receiver<()>>)> {
        let number = self.next;
        self.next = number.wrapping_add(1);
        // A waiting reading that could run has been served before, so this one overtakes none.
        if self.may_run(company) {
            self.run(company);
            return Some((number, None));
        }
        let all = self.round.iter().map(|(_, waiting)| waiting.len()).fold(0_usize, usize::saturating_add);
        let (served, told) = oneshot::channel();
        let one = Waiting { number, served };
        match self.round.iter_mut().find(|(other, _)| *other == company) {
            Some((_, own)) if own.len() < OWN_WAITING && all < MOST_WAITING => own.push_back(one),
            None if all < ALL_WAITING => self.round.push_back((company, VecDeque::from([one]))),
            _ => return None,
        }
        Some((number, Some(told)))
    }

    fn leave(&mut self, company: PartyId, number: u64) {
        let own = self.round.iter_mut().find(|(other, _)| *other == company).map(|(_, waiting)| waiting);
        let waits = own.and_then(|own| own.iter().position(|one| one.number == number).and_then(|at| own.remove(at)));
        if waits.is_some() {
            self.round.retain(|(_, waiting)| !waiting.is_empty());
            return;
        }
        self.free = self.free.saturating_add(1);
        let left = self.running.remove(&company).unwrap_or(0).saturating_sub(1);
        if left > 0 {
            self.running.insert(company, left);
        }
        self.serve();
    }

    /// Gives free places to those that wait. A company that is served goes to the end of the round.
    fn serve(&mut self) {
        while let Some(at) = self.round.iter().position(|(company, _)| self.may_run(*company)) {
            let Some((company, mut waiting)) = self.round.remove(at) else { return };
            let first = waiting.pop_front();
            if !waiting.is_empty() {
                self.round.push_back((company, waiting));
            }
            if let Some(first) = first {
                self.run(company);
                // A caller that went away in this moment gives its place back itself.
                let _ = first.served.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Entered = (Place, Option<oneshot::Receiver<()>>);

    /// The first of these that was served, taken out.
    fn served(waiting: &mut Vec<(i64, Entered)>) -> Option<(i64, Entered)> {
        let at = waiting.iter_mut().position(|(_, (_, served))| served.as_mut().unwrap().try_recv().is_ok())?;
        Some(waiting.remove(at))
    }

    #[test]
    fn companies_are_served_in_turn_and_one_beyond_its_share_is_refused() {
        let queue = Queue::of(1);
        let mut running = (1, queue.enter(PartyId(1)).unwrap());
        assert!(running.1.1.is_none());
        let mut waiting: Vec<_> = (0..OWN_WAITING).map(|_| (1, queue.enter(PartyId(1)).unwrap())).collect();
        for _ in 0..100 {
            assert!(matches!(queue.enter(PartyId(1)), Err(Fault::Busy)));
        }
        // Others wait all the same, and for one reading of each company.
        for company in [2, 2, 3] {
            waiting.push((company, queue.enter(PartyId(company)).unwrap()));
        }
        let mut order = Vec::new();
        while !waiting.is_empty() {
            assert!(served(&mut waiting).is_none(), "one place, one reading");
            drop(running);
            running = served(&mut waiting).unwrap();
            order.push(running.0);
        }
        assert_eq!(order, [1, 2, 3, 1, 2, 1, 1]);
        drop(running);
        let state = queue.state();
        assert_eq!((state.free, state.running.len(), state.round.len()), (1, 0, 0));
    }

    #[test]
    fn one_company_never_takes_the_last_place_twice() {
        let queue = Queue::of(2);
        let first = queue.enter(PartyId(1)).unwrap();
        let waits: Vec<_> = (0..OWN_WAITING).map(|_| queue.enter(PartyId(1)).unwrap()).collect();
        assert!(waits.iter().all(|(_, served)| served.is_some()) && queue.enter(PartyId(1)).is_err());
        assert!(queue.enter(PartyId(2)).unwrap().1.is_none(), "another goes on at once");
        drop((first, waits));
        assert_eq!(queue.state().free, 2);
        let queue = Queue::of(3);
        let own = [(); 3].map(|()| queue.enter(PartyId(1)).unwrap());
        assert_eq!(own.each_ref().map(|(_, served)| served.is_none()), [true, true, false]);
        assert!(queue.enter(PartyId(2)).unwrap().1.is_none());
    }

    #[test]
    fn whoever_leaves_makes_room_and_a_full_queue_takes_newcomers() {
        let queue = Queue::of(1);
        let running = queue.enter(PartyId(0)).unwrap();
        let mut waits: Vec<_> =
            (1..=8).flat_map(|company| [(); OWN_WAITING].map(|()| queue.enter(PartyId(company)).unwrap())).collect();
        assert_eq!(waits.len(), MOST_WAITING);
        for company in 100..132 {
            waits.push(queue.enter(PartyId(company)).unwrap());
            assert!(matches!(queue.enter(PartyId(company)), Err(Fault::Busy)), "one each");
        }
        assert!(matches!(queue.enter(PartyId(200)), Err(Fault::Busy)));
        drop(waits.pop());
        drop(queue.enter(PartyId(200)).unwrap());
        // One that was served and never looked gives its place back.
        drop(running);
        drop(waits);
        let state = queue.state();
        assert_eq!((state.free, state.running.len(), state.round.len()), (1, 0, 0));
    }

    #[tokio::test]
    async fn a_company_reads_no_faster_than_its_pace() {
        let queue = Queue::of(1).paced(1);
        let mut done = 0;
        while queue.turn(PartyId(1)).await.is_ok() {
            done += 1;
        }
        assert!((10..=11).contains(&done), "{done}");
        assert!(matches!(queue.turn(PartyId(1)).await, Err(Fault::Limit { limit: "readings", seconds: 1 })));
        assert!(queue.turn(PartyId(2)).await.is_ok(), "another company");
    }

    #[tokio::test]
    async fn a_turn_comes_when_the_one_before_ends() {
        let queue = Queue::of(1);
        let held = queue.turn(PartyId(1)).await.unwrap();
        let waits = tokio::spawn({
            let queue = queue.clone();
            async move { queue.turn(PartyId(2)).await.map(drop) }
        });
        while queue.state().round.is_empty() {
            tokio::task::yield_now().await;
        }
        drop(held);
        waits.await.unwrap().unwrap();
        assert_eq!(queue.state().free, 1);
    }
}
