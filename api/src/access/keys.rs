//! The folder of signing keys: one PKCS#8 PEM file per key, `KID.pem`, that only its owner can read.
//!
//! The newest signs. Older ones verify until their file is removed: keep them as long as tokens live, of which attendance proofs live
//! longest, 90 days, then delete them.
//! There is no list of retired keys to fall out of step with the folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::Ed25519KeyPair,
};
use chrono::{DateTime, NaiveDateTime, TimeDelta};
use data_encoding::HEXLOWER;
use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{Jwk, JwkSet, PublicKeyUse},
};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{jws::PublicKey, key_file};
use crate::clock::Instant;

/// What a demonstration key's name begins with. Everyone has the demonstration's data, so its keys protect nothing.
pub const DEMONSTRATION_PREFIX: &str = "demo-";

/// How a key's name tells when it was made.
const MADE_AT: &str = "%Y%m%dT%H%M%S%3fZ";

/// At most once in this many seconds an unknown name makes us look into the folder again.
const RELOAD_SECONDS: i64 = 5;

/// What a key signs with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Ed25519 (RFC 8037): short, fast, and without a parameter to get wrong.
    #[default]
    EdDsa,
    /// RSA with 3072 bits, for receivers who know nothing else.
    Rs256,
}

/// What the keys of a folder may be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A demonstration: made for it, and named so that production can tell.
    Demonstration,
    /// Real people: demonstration keys are refused.
    Production,
}

/// Why there are no keys. Names files, never what is in them.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No key is there, and none was to be made.
    #[error("there is no signing key in {0}: make one with `aftercare keys generate`")]
    None(PathBuf),
    /// The database had keys, and none is there.
    #[error(
        "the database is not new, and there is no signing key in {0}: bring its KID.pem files back, or set AFTERCARE_KEYS_DIR to where \
         they are; if they are lost, `aftercare keys generate` makes another, and tokens that are out end"
    )]
    Lost(PathBuf),
    /// Someone else could read it.
    #[error("{0} can be read by others: make it the server's alone with `chmod 600`, and rotate if someone may have read it")]
    OpenToOthers(PathBuf),
    /// Not a key of ours.
    #[error("{0} is no PKCS#8 PEM file with an Ed25519 or RSA key of at least 2048 bits, named KID.pem")]
    NotAKey(PathBuf),
    /// A demonstration key in production.
    #[error("{0} is a demonstration key, which production refuses: remove it and run `aftercare keys generate`")]
    Demonstration(PathBuf),
    /// The folder cannot be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] std::io::Error),
    /// The library could not make a key.
    #[error("a key could not be made")]
    Generation,
}

/// One key: signs, and tells its public half.
pub struct SigningKey {
    /// Its name, in the header of each token.
    pub kid: String,
    /// What it signs with.
    pub kind: Kind,
    /// When it was made (UTC); of a key that we did not name, when its file was written.
    pub made_at: Instant,
    private: EncodingKey,
    jwk: Jwk,
    public: PublicKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.kid)
    }
}

impl SigningKey {
    /// Reads one file of the folder.
    fn read(path: &Path, allowed: Use) -> Result<Self, KeyError> {
        let not_a_key = || KeyError::NotAKey(path.to_owned());
        let kid = path.file_stem().and_then(|stem| stem.to_str()).filter(|kid| is_name(kid)).ok_or_else(not_a_key)?;
        if allowed == Use::Production && kid.starts_with(DEMONSTRATION_PREFIX) {
            return Err(KeyError::Demonstration(path.to_owned()));
        }
        let (pem, written_at) = key_file::read(path)?;
        let made_at = made_at(kid).unwrap_or(written_at);
        Self::from_pem(kid, &pem, made_at).ok_or_else(not_a_key)
    }

    fn from_pem(kid: &str, pem: &str, made_at: Instant) -> Option<Self> {
        let der = key_file::der(pem)?;
        let (kind, private) = if Ed25519KeyPair::from_pkcs8(&der).is_ok() {
            (Kind::EdDsa, EncodingKey::from_ed_der(&der))
        } else {
            RsaKeyPair::from_pkcs8(&der).ok()?;
            (Kind::Rs256, EncodingKey::from_rsa_pem(pem.as_bytes()).ok()?)
        };
        let mut jwk = Jwk::from_encoding_key(&private, kind.algorithm()).ok()?;
        jwk.common.key_id = Some(kid.to_owned());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let public = PublicKey::from_jwk(&jwk)?;
        Some(Self { kid: kid.to_owned(), kind, made_at, private, jwk, public })
    }

    /// Signs claims. Cannot fail with a key that was read and claims that are plain data; an error is a fault of ours.
    ///
    /// # Errors
    /// The library's, when it cannot sign.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, jsonwebtoken::errors::Error> {
        self.sign_as("JWT", claims)
    }

    /// Likewise, a token of this kind (`typ`), so that none is taken for one of another (RFC 8725 §3.11).
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub fn sign_as(&self, kind: &str, claims: &impl Serialize) -> Result<String, jsonwebtoken::errors::Error> {
        let mut header = Header::new(self.kind.algorithm());
        header.typ = Some(kind.to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.private)
    }

    /// The half that verifies.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }
}

impl Kind {
    const fn algorithm(self) -> Algorithm {
        match self {
            Self::EdDsa => Algorithm::EdDSA,
            Self::Rs256 => Algorithm::RS256,
        }
    }

    fn generate(self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let failed = |_| KeyError::Generation;
        let pkcs8 = match self {
            // Version 1, as OpenSSL writes and reads it.
            Self::EdDsa => Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).map_err(failed)?.as_ref().to_vec(),
            Self::Rs256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa3072).map_err(failed)?;
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
                der.as_ref().to_vec()
            }
        };
        Ok(Zeroizing::new(pkcs8))
    }
}

/// A name that is safe as a file name and in a header.
fn is_name(kid: &str) -> bool {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=128).contains(&kid.len()) && !kid.starts_with('.') && kid.bytes().all(safe)
}

fn made_at(kid: &str) -> Option<Instant> {
    let (time, _) = kid.strip_prefix(DEMONSTRATION_PREFIX).unwrap_or(kid).split_once('-')?;
    Some(NaiveDateTime::parse_from_str(time, MADE_AT).ok()?.and_utc())
}

/// The keys as they were in the folder when it was read: immutable, and never empty.
#[derive(Debug)]
struct Ring {
    newest: Arc<SigningKey>,
    by_kid: BTreeMap<String, Arc<SigningKey>>,
    read_at: Instant,
}

/// The keys of a folder, read again when someone shows a name that is not known yet.
#[derive(Debug)]
pub struct Keys {
    folder: PathBuf,
    allowed: Use,
    ring: RwLock<Arc<Ring>>,
}

impl Keys {
    /// Reads the folder.
    ///
    /// # Errors
    /// When there is no key in it, or one that must not be used: half a folder is never used.
    pub fn open(folder: impl Into<PathBuf>, allowed: Use, now: Instant) -> Result<Self, KeyError> {
        let folder = folder.into();
        let ring = read_ring(&folder, allowed, now)?;
        Ok(Self { folder, allowed, ring: RwLock::new(Arc::new(ring)) })
    }

    /// Reads the folder; makes the first key when there is none and the database is new. One that is not had keys: to make another
    /// would hide that they are lost.
    ///
    /// # Errors
    /// Those of [`Self::open`], and when the key cannot be written.
    pub fn open_or_make(folder: impl Into<PathBuf>, allowed: Use, new: bool, now: Instant) -> Result<Self, KeyError> {
        let folder = folder.into();
        match Self::open(folder.clone(), allowed, now) {
            Err(KeyError::None(_)) if new => {
                generate(&folder, Kind::default(), allowed, now)?;
                Self::open(folder, allowed, now)
            }
            Err(KeyError::None(_)) => Err(KeyError::Lost(folder)),
            other => other,
        }
    }

    /// Reads the folder again if other files lie in it than were read, so that a rotation reaches a server that nobody has shown
    /// a new name yet. Whether they do.
    ///
    /// # Errors
    /// Those of [`Self::open`].
    pub fn follow(&self, now: Instant) -> Result<bool, KeyError> {
        let there: BTreeSet<_> =
            key_file::pem_files(&self.folder)?.iter().filter_map(|path| path.file_stem()).map(ToOwned::to_owned).collect();
        let ring = self.ring();
        let changed = there.len() != ring.by_kid.len() || ring.by_kid.keys().any(|kid| !there.contains(OsStr::new(kid)));
        if changed {
            self.reload(now)?;
        }
        Ok(changed)
    }

    /// Reads the folder again: a rotation by the command line reaches a running server. On an error the keys stay as they were.
    ///
    /// # Errors
    /// Those of [`Self::open`].
    pub fn reload(&self, now: Instant) -> Result<(), KeyError> {
        let ring = Arc::new(read_ring(&self.folder, self.allowed, now)?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        Ok(())
    }

    /// The key that signs: the newest.
    pub fn newest(&self) -> Arc<SigningKey> {
        Arc::clone(&self.ring().newest)
    }

    /// The key with this name. An unknown one is looked for in the folder again, but not more than once in five seconds.
    pub fn find(&self, kid: &str, now: Instant) -> Option<Arc<SigningKey>> {
        let ring = self.ring();
        if let Some(key) = ring.by_kid.get(kid) {
            return Some(Arc::clone(key));
        }
        if !is_name(kid) || now - ring.read_at < TimeDelta::seconds(RELOAD_SECONDS) {
            return None;
        }
        match self.reload(now) {
            Ok(()) => self.ring().by_kid.get(kid).map(Arc::clone),
            Err(error) => {
                tracing::error!(%error, "the folder of signing keys cannot be read again");
                self.note_attempt(now);
                None
            }
        }
    }

    /// All keys, the newest first.
    pub fn list(&self) -> Vec<Arc<SigningKey>> {
        newest_first(self.ring().by_kid.values().cloned().collect())
    }

    /// The public halves, as others fetch them (RFC 7517).
    pub fn jwks(&self) -> JwkSet {
        JwkSet { keys: self.list().iter().map(|key| key.jwk.clone()).collect() }
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn note_attempt(&self, now: Instant) {
        let ring = self.ring();
        let noted = Ring { newest: Arc::clone(&ring.newest), by_kid: ring.by_kid.clone(), read_at: now };
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(noted);
    }
}

fn read_ring(folder: &Path, allowed: Use, now: Instant) -> Result<Ring, KeyError> {
    let keys = list(folder, allowed)?;
    let newest = keys.first().cloned().ok_or_else(|| KeyError::None(folder.to_owned()))?;
    Ok(Ring { newest, by_kid: keys.into_iter().map(|key| (key.kid.clone(), key)).collect(), read_at: now })
}

fn newest_first(mut keys: Vec<Arc<SigningKey>>) -> Vec<Arc<SigningKey>> {
    keys.sort_by(|a, b| (b.made_at, &b.kid).cmp(&(a.made_at, &a.kid)));
    keys
}

/// The keys of a folder, the newest first (`aftercare keys list`). A folder that is not there has none.
///
/// # Errors
/// When a file in it must not be used.
pub fn list(folder: &Path, allowed: Use) -> Result<Vec<Arc<SigningKey>>, KeyError> {
    let paths = key_file::pem_files(folder)?;
    let keys = paths.iter().map(|path| SigningKey::read(path, allowed).map(Arc::new));
    Ok(newest_first(keys.collect::<Result<_, _>>()?))
}

/// Makes a key and writes its file; it signs from the next reading of the folder on. This is also how keys are rotated
/// (`aftercare keys generate`, `aftercare keys rotate`). Gives its name.
///
/// # Errors
/// When the folder cannot be read or written.
pub fn generate(folder: &Path, kind: Kind, use_: Use, now: Instant) -> Result<String, KeyError> {
    // A clock that was set back must not make an older key the newest.
    let newest = list(folder, use_)?.first().map(|key| key.made_at + TimeDelta::milliseconds(1));
    let made_at = newest.map_or(now, |after| after.max(now));
    let prefix = if use_ == Use::Demonstration { DEMONSTRATION_PREFIX } else { "" };
    let kid = format!("{prefix}{}-{}", made_at.format(MADE_AT), HEXLOWER.encode(&rand::random::<[u8; 4]>()));
    key_file::write(folder, &kid, &kind.generate()?)?;
    Ok(kid)
}

/// A point in time that no key is from: of files whose time the system does not tell.
pub(super) const UNKNOWN_TIME: Instant = DateTime::UNIX_EPOCH;

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
