//! Bytes held in memory for callers, with a limit for all together and a limit for each owner.

use kernel::PartyId;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// For whom bytes are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The company of a signed-in person. A hostile company has as many people as it likes.
    Company(PartyId),
    /// The address of a sender without a sign-in.
    Address(IpAddr),
}

/// The whole address in IPv4; in IPv6 the network of 64 bits, which is what one subscriber gets.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(long) => {
            let [a, b, c, d, ..] = long.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        short => short,
    }
}

#[derive(Debug)]
pub struct Stock {
    most: usize,
    /// Of one owner.
    each: usize,
    /// Of one owner, however many others hold.
    spared: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    by: HashMap<Owner, usize>,
}

impl Stock {
    #[must_use]
    pub fn new(most: usize, each: usize) -> Arc<Self> {
        Self::sparing(most, each, 0)
    }

    /// The same where each owner has `spared` bytes in any case: large owners do not keep a small one back.
    #[must_use]
    pub fn sparing(most: usize, each: usize, spared: usize) -> Arc<Self> {
        Arc::new(Self { most, each, spared, held: Mutex::default() })
    }

    /// Bytes that are held now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.lock().all
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        // A count is right at every moment.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An empty share of this owner's.
    #[must_use]
    pub fn share(self: &Arc<Self>, owner: Owner) -> Share {
        Share { stock: Arc::clone(self), owner, bytes: 0 }
    }

    fn take(&self, owner: Owner, bytes: usize) -> bool {
        let mut held = self.lock();
        let own = held.by.get(&owner).copied().unwrap_or(0);
        let (all, own) = (held.all.saturating_add(bytes), own.saturating_add(bytes));
        let fits = own <= self.each && (all <= self.most || own <= self.spared);
        if fits {
            held.all = all;
            held.by.insert(owner, own);
        }
        fits
    }

    fn give_back(&self, owner: Owner, bytes: usize) {
        let mut held = self.lock();
        held.all = held.all.saturating_sub(bytes);
        if let Some(own) = held.by.get_mut(&owner) {
            *own = own.saturating_sub(bytes);
            if *own == 0 {
                held.by.remove(&owner);
            }
        }
    }
}

/// The bytes that one request or answer holds; given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    stock: Arc<Stock>,
    owner: Owner,
    bytes: usize,
}

impl Share {
    /// Bytes of this share.
    #[must_use]
    pub fn held(&self) -> usize {
        self.bytes
    }

    /// Gives `bytes` back.
    pub fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.stock.give_back(self.owner, bytes);
    }

    /// Whether the share holds `bytes` in all; it takes the missing part.
    #[must_use]
    pub fn reach(&mut self, bytes: usize) -> bool {
        let missing = bytes.saturating_sub(self.bytes);
        missing == 0 || self.grow(missing)
    }

    /// Whether `bytes` more are allowed; then the share holds them.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        let fits = self.stock.take(self.owner, bytes);
        if fits {
            self.bytes = self.bytes.saturating_add(bytes);
        }
        fits
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.stock.give_back(self.owner, self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_bounded_in_all_and_for_one_and_come_back() {
        let stock = Stock::new(100, 60);
        let (mut one, mut other) = (stock.share(Owner::Company(PartyId(1))), stock.share(Owner::Company(PartyId(2))));
        assert!(one.grow(60) && !one.grow(1));
        assert!(!stock.share(Owner::Company(PartyId(1))).grow(1), "a second request of the same company");
        assert!(other.grow(40) && !other.grow(1));
        drop(one);
        assert_eq!(stock.held(), 40);
        assert!(other.grow(20));
        assert!(other.reach(50) && !other.reach(70) && stock.held() == 60, "what it holds is enough, and more is too much");
        let mut third = stock.share(Owner::Company(PartyId(3)));
        assert!(third.reach(10) && third.reach(30) && stock.held() == 90, "only what is missing is taken");
        drop((other, third));
        assert_eq!((stock.held(), stock.lock().by.len()), (0, 0));
    }

    #[test]
    fn a_small_share_finds_room_beside_large_ones() {
        let stock = Stock::sparing(100, 60, 10);
        let (mut one, mut other) = (stock.share(Owner::Company(PartyId(1))), stock.share(Owner::Company(PartyId(2))));
        assert!(one.grow(60) && other.grow(40));
        let mut third = stock.share(Owner::Company(PartyId(3)));
        assert!(third.grow(10) && !third.grow(1), "the small one, and no more");
        assert!(!other.grow(1) && !one.grow(1));
        one.shrink(30);
        assert_eq!((one.held(), stock.held()), (30, 80));
        assert!(third.grow(20) && !third.grow(1));
        one.shrink(99);
        assert_eq!((one.held(), stock.held()), (0, 70));
        drop((one, other, third));
        assert_eq!((stock.held(), stock.lock().by.len()), (0, 0));
    }

    #[test]
    fn an_address_is_its_network_in_ipv6_and_itself_in_ipv4() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("10.1.2.3"), "10.1.2.3");
        assert_eq!(of("::ffff:10.1.2.3"), "10.1.2.3");
    }
}
