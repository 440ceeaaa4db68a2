//! Digests and random secrets.

use sha2::{Digest, Sha256};

/// SHA-256, lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| DIGITS.get(usize::from(value)).map_or('0', |digit| char::from(*digit));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// 32 random bytes from the operating system. Without randomness nothing here is safe: it panics.
#[must_use]
pub fn random_bytes() -> [u8; 32] {
    let mut bytes = [0_u8; 32];
    let filled = getrandom::fill(&mut bytes);
    assert!(filled.is_ok(), "the operating system gives no randomness");
    bytes
}

/// The same, hexadecimal.
#[must_use]
pub fn random_token() -> String {
    hex(&random_bytes())
}

/// Compares two secrets in time that does not depend on where they differ.
#[must_use]
pub fn same_secret(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0_u8, |rest, (x, y)| rest | (x ^ y)) == 0
}

/// Eight random digits, each equally likely, for a person to type.
#[must_use]
pub fn random_code() -> String {
    let mut code = String::new();
    while code.len() < 8 {
        // Bytes past the last whole ten would favour small digits.
        let digits = random_bytes().into_iter().filter(|byte| *byte < 250).map(|byte| char::from(b'0'.saturating_add(byte % 10)));
        code.extend(digits.take(8_usize.saturating_sub(code.len())));
    }
    code
}
