//! Signed notes and checkpoints as C2SP specifies them (signed-note, tlog-checkpoint), with Ed25519 keys.

use crate::digest::{Hash, sha256};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The signature type of Ed25519.
const ED25519_TYPE: u8 = 1;
/// How every signature line begins: em dash and space.
const SIGNATURE: &str = "\u{2014} ";
/// The longest note that is read, in bytes.
const LONGEST: usize = 64 * 1024;

/// Why a note or key is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteFault {
    /// Not a key in its text form, or its id does not belong to it.
    Key,
    /// Not a signed note.
    Form,
    /// No signature by this key, or one that does not verify.
    Signature,
    /// The text is no checkpoint, or one of another log.
    Checkpoint,
}

impl std::fmt::Display for NoteFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Key => "the key cannot be read",
            Self::Form => "this is not a signed note",
            Self::Signature => "the signature is not by this key",
            Self::Checkpoint => "the note is no checkpoint of this log",
        })
    }
}

impl std::error::Error for NoteFault {}

/// Whether a text can name a key and a log: printable ASCII without spaces and plus.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 200 && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'+')
}

fn key_id(name: &str, public: &[u8]) -> [u8; 4] {
    let hash = sha256(&[name.as_bytes(), b"\n", &[ED25519_TYPE], public]);
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

/// Strict base64: encoding the bytes again gives the same text.
fn unbase64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok().filter(|bytes| STANDARD.encode(bytes) == text)
}

/// `name+id+base64(type and 32 bytes)`, without what stands before the name.
fn read_key(text: &str) -> Result<(String, [u8; 4], [u8; 32]), NoteFault> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else { return Err(NoteFault::Key) };
    let bytes = unbase64(key).ok_or(NoteFault::Key)?;
    let Some((&ED25519_TYPE, key)) = bytes.split_first() else { return Err(NoteFault::Key) };
    let key: [u8; 32] = key.try_into().map_err(|_| NoteFault::Key)?;
    let id_value = u32::from_str_radix(id, 16).map_err(|_| NoteFault::Key)?.to_be_bytes();
    if !is_name(name) || id.len() != 8 || id != id.to_ascii_lowercase() {
        return Err(NoteFault::Key);
    }
    Ok((name.to_owned(), id_value, key))
}

fn write_key(name: &str, id: [u8; 4], key: &[u8]) -> String {
    let mut bytes = vec![ED25519_TYPE];
    bytes.extend_from_slice(key);
    format!("{name}+{}+{}", crate::digest::hex(&id), STANDARD.encode(bytes))
}

/// The prefix of a secret key.
const PRIVATE: &str = "PRIVATE+KEY+";

/// The log's own key.
pub struct Signer {
    name: String,
    seed: [u8; 32],
    pair: Ed25519KeyPair,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.name)
    }
}

impl Signer {
    /// A key from 32 random bytes. The name is the log's origin.
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, NoteFault> {
        if !is_name(name) {
            return Err(NoteFault::Key);
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| NoteFault::Key)?;
        Ok(Self { name: name.to_owned(), seed, pair })
    }

    /// Reads `PRIVATE+KEY+name+id+seed`, the form of Go's note package.
    pub fn parse(text: &str) -> Result<Self, NoteFault> {
        let (name, id, seed) = read_key(text.trim().strip_prefix(PRIVATE).ok_or(NoteFault::Key)?)?;
        let signer = Self::from_seed(&name, seed)?;
        if signer.verifier().id == id { Ok(signer) } else { Err(NoteFault::Key) }
    }

    /// The secret text that [`Signer::parse`] reads.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{PRIVATE}{}", write_key(&self.name, self.verifier().id, &self.seed))
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn verifier(&self) -> Verifier {
        let mut public = [0; 32];
        public.iter_mut().zip(self.pair.public_key().as_ref()).for_each(|(to, from)| *to = *from);
        Verifier { name: self.name.clone(), id: key_id(&self.name, &public), public }
    }

    /// The note of a text that ends with a newline.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        let mut bytes = self.verifier().id.to_vec();
        bytes.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        format!("{text}\n{SIGNATURE}{} {}\n", self.name, STANDARD.encode(bytes))
    }

    /// The signed checkpoint of the log at this size.
    #[must_use]
    pub fn checkpoint(&self, size: u64, root: &Hash) -> String {
        self.sign(&Checkpoint { origin: self.name.clone(), size, root: *root }.to_text())
    }
}

/// The public half of a log's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    id: [u8; 4],
    public: [u8; 32],
}

impl Verifier {
    /// Reads `name+id+key`.
    pub fn parse(text: &str) -> Result<Self, NoteFault> {
        let (name, id, public) = read_key(text.trim())?;
        if id == key_id(&name, &public) { Ok(Self { name, id, public }) } else { Err(NoteFault::Key) }
    }

    #[must_use]
    pub fn to_text(&self) -> String {
        write_key(&self.name, self.id, &self.public)
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of a note with a good signature by this key. Signatures by other keys (witnesses) are passed over.
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, NoteFault> {
        let parts = split_note(note)?;
        let mut signed = false;
        for line in parts.signatures.split_terminator('\n') {
            let (name, signature) = read_signature(line)?;
            if name != self.name || !signature.starts_with(&self.id) {
                continue;
            }
            let key = UnparsedPublicKey::new(&ED25519, &self.public);
            let bytes = signature.get(4..).unwrap_or_default();
            key.verify(parts.text.as_bytes(), bytes).map_err(|_| NoteFault::Signature)?;
            signed = true;
        }
        if signed { Ok(parts.text) } else { Err(NoteFault::Signature) }
    }

    /// A checkpoint of this key's log.
    pub fn open_checkpoint(&self, note: &str) -> Result<Checkpoint, NoteFault> {
        let checkpoint = Checkpoint::parse(self.open(note)?)?;
        if checkpoint.origin == self.name { Ok(checkpoint) } else { Err(NoteFault::Checkpoint) }
    }
}

struct NoteParts<'a> {
    text: &'a str,
    signatures: &'a str,
}

fn split_note(note: &str) -> Result<NoteParts<'_>, NoteFault> {
    let plain = note.len() <= LONGEST && note.ends_with('\n') && note.bytes().all(|byte| byte == b'\n' || byte >= b' ');
    let at = note.rfind("\n\n").filter(|_| plain).ok_or(NoteFault::Form)?;
    let (text, signatures) = note.split_at(at + 1);
    let signatures = signatures.strip_prefix('\n').unwrap_or(signatures);
    if signatures.is_empty() { Err(NoteFault::Form) } else { Ok(NoteParts { text, signatures }) }
}

fn read_signature(line: &str) -> Result<(&str, Vec<u8>), NoteFault> {
    let (name, signature) = line.strip_prefix(SIGNATURE).and_then(|rest| rest.split_once(' ')).ok_or(NoteFault::Form)?;
    let bytes = unbase64(signature).filter(|bytes| bytes.len() > 4).ok_or(NoteFault::Form)?;
    Ok((name, bytes))
}

/// The number of signature lines of a note.
pub fn count_signatures(note: &str) -> Result<usize, NoteFault> {
    Ok(split_note(note)?.signatures.split_terminator('\n').count())
}

/// A log's statement about itself at one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// Reads a note's text; extension lines are refused, since this log writes none.
    pub fn parse(text: &str) -> Result<Self, NoteFault> {
        let mut lines = text.split_terminator('\n');
        let (Some(origin), Some(size), Some(root), None) = (lines.next(), lines.next(), lines.next(), lines.next()) else {
            return Err(NoteFault::Checkpoint);
        };
        let root = unbase64(root).and_then(|bytes| bytes.try_into().ok()).ok_or(NoteFault::Checkpoint)?;
        let read = Self { origin: origin.to_owned(), size: size.parse().map_err(|_| NoteFault::Checkpoint)?, root };
        if is_name(origin) && read.to_text() == text { Ok(read) } else { Err(NoteFault::Checkpoint) }
    }

    /// Reads a note without checking its signatures, to compare it with one's own database.
    pub fn parse_unsigned(note: &str) -> Result<Self, NoteFault> {
        Self::parse(split_note(note)?.text)
    }
}

/// Base64 as notes and C2SP proofs write hashes.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::empty_root;

    fn signer() -> Signer {
        Signer::from_seed("kontor.example/log", [7; 32]).unwrap()
    }

    /// The note of the signed-note specification, by the key that Go's documentation prints for it.
    #[test]
    fn a_foreign_note_verifies() {
        let key = Verifier::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap();
        let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
        let line = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
        let note = format!("{text}\n\u{2014} PeterNeumann {line}\n");
        assert_eq!(key.open(&note), Ok(text));
        assert_eq!(key.open(&note.replace("answer", "Answer")), Err(NoteFault::Signature));
    }

    #[test]
    fn keys_go_there_and_back_and_wrong_ones_are_refused() {
        let signer = signer();
        assert_eq!(Signer::parse(&signer.to_text()).unwrap().verifier(), signer.verifier());
        let public = signer.verifier().to_text();
        assert_eq!(Verifier::parse(&public), Ok(signer.verifier()));
        let renamed = public.replace("kontor", "contor");
        for wrong in ["", "a+b", "a+00000000+AQ==", &renamed, &public.to_uppercase(), &format!("x{public}")] {
            assert_eq!(Verifier::parse(wrong).err(), Some(NoteFault::Key), "{wrong}");
        }
        assert_eq!(Signer::parse(&public).err(), Some(NoteFault::Key));
        assert_eq!(Signer::from_seed("a b", [0; 32]).err(), Some(NoteFault::Key));
        assert!(!format!("{signer:?}").contains("Bwc"), "a secret key is not printed");
    }

    #[test]
    fn checkpoints_verify_and_changed_ones_do_not() {
        let signer = signer();
        let note = signer.checkpoint(5, &empty_root());
        let key = signer.verifier();
        let wanted = Checkpoint { origin: "kontor.example/log".to_owned(), size: 5, root: empty_root() };
        assert_eq!(key.open_checkpoint(&note), Ok(wanted.clone()));
        assert_eq!(Checkpoint::parse_unsigned(&note), Ok(wanted));
        assert_eq!(count_signatures(&note), Ok(1));
        let witnessed = format!("{note}\u{2014} witness.example AAAAAAAA\n");
        assert_eq!((key.open_checkpoint(&witnessed).is_ok(), count_signatures(&witnessed)), (true, Ok(2)));
        let other = Signer::from_seed("kontor.example/log", [8; 32]).unwrap();
        assert_eq!(other.verifier().open(&note), Err(NoteFault::Signature));
        // One bit anywhere, or one byte less.
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut bytes = note.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let changed = String::from_utf8(bytes);
                assert!(changed.is_err() || key.open_checkpoint(&changed.unwrap()).is_err(), "byte {at}, bit {bit}");
            }
            let mut shorter = note.clone().into_bytes();
            shorter.remove(at);
            assert!(
                String::from_utf8(shorter).is_ok_and(|text| key.open_checkpoint(&text).is_ok()).eq(&false),
                "without byte {at}"
            );
        }
        let foreign = signer.sign("other.example/log\n5\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
        assert_eq!(key.open_checkpoint(&foreign), Err(NoteFault::Checkpoint));
        let padded = signer.sign("kontor.example/log\n05\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
        assert_eq!(key.open_checkpoint(&padded), Err(NoteFault::Checkpoint));
    }
}
