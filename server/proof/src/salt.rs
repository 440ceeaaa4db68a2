//! Salts, so that a reader of a hash cannot guess the data behind it. Each is a keyed digest of a secret. The platform can make
//! it again whenever it makes a proof.

use crate::digest::Hash;
use aws_lc_rs::hmac;

/// Makes the salts of one database from its secret. A verifier sees only the salts of the data that a proof opens to it.
#[derive(Clone, Debug)]
pub struct Salts(hmac::Key);

impl Salts {
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    fn derive(&self, what: &[u8], first: i64, second: i64) -> Hash {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [what, &first.to_be_bytes(), &second.to_be_bytes()] {
            context.update(part);
        }
        let mut salt = [0; 32];
        salt.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
        salt
    }

    /// The salt of an audit record.
    #[must_use]
    pub fn record(&self, seq: i64) -> Hash {
        self.derive(b"record", seq, 0)
    }

    /// The salt of an account's balance after one of its legs.
    #[must_use]
    pub fn balance(&self, account: i64, leg: i64) -> Hash {
        self.derive(b"balance", account, leg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salts_differ_by_secret_kind_and_place_and_are_made_again() {
        let salts = Salts::new(b"secret");
        let made = [salts.record(1), salts.record(2), salts.balance(1, 0), salts.balance(1, 2), salts.balance(2, 1)];
        for (at, salt) in made.iter().enumerate() {
            assert!(made.iter().skip(at + 1).all(|other| other != salt));
        }
        assert_eq!(Salts::new(b"secret").balance(1, 2), salts.balance(1, 2));
        assert_ne!(Salts::new(b"another").record(1), salts.record(1));
    }
}
