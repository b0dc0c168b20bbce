//! Who waits, and who is next.
//!
//! Waiters stand in one lane per worker thread: handing a server to a client of the same thread costs no
//! wake-up of another one. Each lane is first come, first served. Across lanes a waiter may be overtaken, but
//! by no more than [`OVERTAKE`] others that came after it; with one worker nobody is overtaken at all.

use std::collections::VecDeque;

/// How many later waiters of other lanes may be served before a waiter's own turn.
pub const OVERTAKE: u64 = 16;

/// Waiters in lanes.
#[derive(Debug)]
pub struct Queue<T> {
    lanes: Vec<VecDeque<(u64, T)>>,
    next_ticket: u64,
    len: usize,
}

impl<T> Queue<T> {
    /// An empty queue with this many lanes.
    #[must_use]
    pub fn new(lanes: usize) -> Self {
        let lanes = (0..lanes.max(1)).map(|_| VecDeque::new()).collect();
        Self { lanes, next_ticket: 0, len: 0 }
    }

    /// Joins a lane; the ticket is needed to leave it early.
    pub fn push(&mut self, lane: usize, waiter: T) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let lane = lane % self.lanes.len();
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.push_back((ticket, waiter));
            self.len += 1;
        }
        ticket
    }

    /// Leaves without having been served.
    pub fn remove(&mut self, lane: usize, ticket: u64) -> Option<T> {
        let lane = lane % self.lanes.len();
        let lane = self.lanes.get_mut(lane)?;
        let at = lane.binary_search_by_key(&ticket, |(have, _)| *have).ok()?;
        let (_, waiter) = lane.remove(at)?;
        self.len -= 1;
        Some(waiter)
    }

    /// The next to be served, from `lane` if that is fair.
    pub fn take(&mut self, lane: usize) -> Option<T> {
        let (oldest_lane, oldest) = self.oldest()?;
        let lane = lane % self.lanes.len();
        let own = self.lanes.get(lane).and_then(|lane| lane.front()).map(|(ticket, _)| *ticket);
        let from = match own {
            Some(own) if own - oldest <= OVERTAKE => lane,
            Some(_) | None => oldest_lane,
        };
        let (_, waiter) = self.lanes.get_mut(from)?.pop_front()?;
        self.len -= 1;
        Some(waiter)
    }

    /// The one that has waited longest.
    #[must_use]
    pub fn head(&self) -> Option<&T> {
        let (lane, _) = self.oldest()?;
        self.lanes.get(lane)?.front().map(|(_, waiter)| waiter)
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes out everybody of whom this is true.
    pub fn extract(&mut self, mut leaves: impl FnMut(&T) -> bool) -> Vec<T> {
        let mut out = Vec::new();
        for lane in &mut self.lanes {
            let (gone, left) = std::mem::take(lane).into_iter().partition(|(_, waiter)| leaves(waiter));
            *lane = left;
            let gone: VecDeque<(u64, T)> = gone;
            out.extend(gone.into_iter().map(|(_, waiter)| waiter));
        }
        self.len -= out.len();
        out
    }

    fn oldest(&self) -> Option<(usize, u64)> {
        if self.len == 0 {
            return None;
        }
        let fronts = self.lanes.iter().enumerate();
        fronts
            .filter_map(|(lane, waiters)| Some((lane, waiters.front()?.0)))
            .min_by_key(|(_, ticket)| *ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_lane_is_first_come_first_served() {
        let mut queue = Queue::new(1);
        let tickets: Vec<_> = (0..5).map(|i| queue.push(0, i)).collect();
        assert_eq!(queue.remove(0, tickets[2]), Some(2));
        assert_eq!(queue.remove(0, tickets[2]), None);
        let served: Vec<_> = std::iter::from_fn(|| queue.take(0)).collect();
        assert_eq!(served, [0, 1, 3, 4]);
    }

    #[test]
    fn those_who_stay_keep_their_turn() {
        let mut queue = Queue::new(2);
        for i in 0..6 {
            queue.push(i, i);
        }
        assert_eq!(queue.extract(|i| i % 3 == 0), [0, 3]);
        assert_eq!(queue.len(), 4);
        assert_eq!(std::iter::from_fn(|| queue.take(0)).collect::<Vec<_>>(), [2, 4, 1, 5]);
    }

    proptest! {
        /// Whatever lanes people join and servers come back on, nobody is overtaken by more than the bound.
        #[test]
        fn nobody_is_overtaken_too_often(
            lanes in 1usize..5,
            moves in prop::collection::vec((any::<bool>(), 0usize..5), 1..400),
        ) {
            let mut queue = Queue::new(lanes);
            let (mut waiting, mut served_after) = (Vec::<u64>::new(), std::collections::HashMap::new());
            for (join, lane) in moves {
                if join {
                    let ticket = queue.next_ticket;
                    queue.push(lane, ticket);
                    waiting.push(ticket);
                } else if let Some(ticket) = queue.take(lane) {
                    waiting.retain(|w| *w != ticket);
                    for early in waiting.iter().filter(|w| **w < ticket) {
                        *served_after.entry(*early).or_insert(0u64) += 1;
                    }
                }
                prop_assert_eq!(queue.len(), waiting.len());
            }
            prop_assert!(served_after.values().all(|n| *n <= OVERTAKE));
        }
    }
}
