//! Small secrets, encrypted for storage by XChaCha20-Poly1305.
//!
//! A sealed secret is its nonce (24 random bytes) and the ciphertext with its tag (16 bytes). Bound to it, besides what the caller names, is the id of the key: a
//! row whose `key_id` was changed doesn't open under another key that happens to fit.

use std::{collections::BTreeMap, fmt, sync::Arc};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use chacha20poly1305::{
    Key, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use portico_domain::{
    models::{Sealed, Secret},
    ports::{Entropy, OpenRefused, Sealer, Unavailable},
};

const SERVICE: &str = "encryption key";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const MAX_ID_BYTES: usize = 32;

/// With or without padding, as different tools write it.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// The keys that secrets are encrypted under, by their ids. The first seals, all of them open.
///
/// Written as `id:base64` with commas or line breaks between; the base64, of 32 random bytes, may be the usual one or the one for URLs. Printing it shows the ids alone.
#[derive(Clone, Default)]
pub struct SealingKeys {
    present: Option<String>,
    by_id: BTreeMap<String, [u8; KEY_BYTES]>,
}

impl SealingKeys {
    /// Reads the written form.
    ///
    /// # Errors
    /// Every fault, in words that don't repeat what was written.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut keys = Self::default();
        let mut faults = Vec::new();
        let parts = text.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty());
        for (place, part) in (1..).zip(parts) {
            match parse_key(part) {
                Ok((id, key)) => match keys.by_id.get(id) {
                    Some(known) if *known != key => {
                        faults.push(format!("(number {place}) has the id of another key"));
                    }
                    _ => keys.add(id, key),
                },
                Err(fault) => faults.push(format!("(number {place}) {fault}")),
            }
        }
        if faults.is_empty() { Ok(keys) } else { Err(faults.join("; ")) }
    }

    /// Makes a key with an id of its own, in its written form. The id is random as well: two servers that each made a key can be told apart, and so can what they sealed.
    ///
    /// # Errors
    /// [`Unavailable`] when there is no randomness.
    pub fn generate(entropy: &dyn Entropy) -> Result<Secret, Unavailable> {
        let [a, b, c, d, ..] = entropy.bytes()?;
        let id = u32::from_be_bytes([a, b, c, d]);
        Ok(Secret::new(format!("k{id:08x}:{}", STANDARD.encode(entropy.bytes()?))))
    }

    /// Takes in further keys, to open with. One whose id is known already is left out if it is the same key.
    ///
    /// # Errors
    /// The id that means two keys.
    pub fn open_also(mut self, others: &Self) -> Result<Self, String> {
        for (id, key) in &others.by_id {
            match self.by_id.get(id) {
                Some(known) if known != key => return Err(id.clone()),
                _ => self.add(id, *key),
            }
        }
        Ok(self)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The ids of all keys.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.by_id.keys().map(String::as_str)
    }

    fn add(&mut self, id: &str, key: [u8; KEY_BYTES]) {
        self.present.get_or_insert_with(|| id.to_owned());
        self.by_id.insert(id.to_owned(), key);
    }
}

impl fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

fn parse_key(text: &str) -> Result<(&str, [u8; KEY_BYTES]), &'static str> {
    let (id, key) = text.split_once(':').ok_or("must be an id, a colon and a key in base64")?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !(1..=MAX_ID_BYTES).contains(&id.len()) || !id.bytes().all(allowed) {
        return Err("must have an id of 1 to 32 letters, digits, dots, hyphens or underscores");
    }
    let usual = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    let for_urls = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
    let bytes = usual.decode(key).or_else(|_| for_urls.decode(key)).map_err(|_| "must hold base64")?;
    let key: [u8; KEY_BYTES] = bytes.try_into().map_err(|_| "must hold a key of 32 bytes in base64")?;
    // What somebody forgot to replace is no key.
    if key.iter().all(|byte| *byte == key[0]) {
        return Err("must hold random bytes");
    }
    Ok((id, key))
}

/// Encrypts under [`SealingKeys`].
pub struct XChaChaSealer {
    keys: SealingKeys,
    entropy: Arc<dyn Entropy>,
}

impl XChaChaSealer {
    /// Without keys, nothing is sealed and nothing opens.
    #[must_use]
    pub fn new(keys: SealingKeys, entropy: Arc<dyn Entropy>) -> Self {
        Self { keys, entropy }
    }
}

impl Sealer for XChaChaSealer {
    fn present_key(&self) -> Result<String, Unavailable> {
        self.keys
            .present
            .clone()
            .ok_or_else(|| Unavailable::new(SERVICE, "PORTICO_ENCRYPTION_KEYS is not set"))
    }

    fn seal(&self, secret: &Secret, binding: &[u8]) -> Result<Sealed, Unavailable> {
        let key_id = self.present_key()?;
        let key = &self.keys.by_id[&key_id];
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&self.entropy.bytes()?[..NONCE_BYTES]);
        let associated = associated(&key_id, binding);
        let payload = Payload { msg: secret.expose().as_bytes(), aad: &associated };
        let cipher = XChaCha20Poly1305::new(&Key::from(*key));
        let ciphertext = cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| Unavailable::new(SERVICE, "a secret is too long to be encrypted"))?;
        Ok(Sealed { bytes: [&nonce[..], &ciphertext].concat(), key_id })
    }

    fn open(&self, sealed: &Sealed, binding: &[u8]) -> Result<Secret, OpenRefused> {
        let unknown = || OpenRefused::UnknownKey { key_id: sealed.key_id.clone() };
        let key = self.keys.by_id.get(&sealed.key_id).ok_or_else(unknown)?;
        let (nonce, ciphertext) =
            sealed.bytes.split_first_chunk::<NONCE_BYTES>().ok_or(OpenRefused::Tampered)?;
        let associated = associated(&sealed.key_id, binding);
        let payload = Payload { msg: ciphertext, aad: &associated };
        let cipher = XChaCha20Poly1305::new(&Key::from(*key));
        let opened = cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| OpenRefused::Tampered)?;
        String::from_utf8(opened).map(Secret::new).map_err(|_| OpenRefused::Tampered)
    }
}

/// What is authenticated besides the secret. The id has its length before it, so that no id and binding are written as another pair.
fn associated(key_id: &str, binding: &[u8]) -> Vec<u8> {
    let length = u8::try_from(key_id.len()).unwrap_or(u8::MAX);
    [&[length], key_id.as_bytes(), binding].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::SystemEntropy;

    fn key(first: u8) -> String {
        STANDARD.encode([[first].as_slice(), &[7; 31]].concat())
    }

    fn sealer(keys: &str) -> XChaChaSealer {
        XChaChaSealer::new(SealingKeys::parse(keys).unwrap(), Arc::new(SystemEntropy))
    }

    fn secret() -> Secret {
        Secret::new("sk-obviously-fake")
    }

    #[test]
    fn what_was_sealed_opens_with_its_binding_alone() {
        let sealer = sealer(&format!("a:{}", key(1)));
        let sealed = sealer.seal(&secret(), b"ada at openai").unwrap();
        assert_eq!(sealed.key_id, "a");
        assert_eq!(sealed.bytes.len(), 24 + secret().expose().len() + 16);
        assert_eq!(sealer.open(&sealed, b"ada at openai").unwrap().expose(), secret().expose());
        assert_eq!(sealer.open(&sealed, b"bob at openai"), Err(OpenRefused::Tampered));
        assert_eq!(sealer.open(&sealed, b""), Err(OpenRefused::Tampered));
    }

    #[test]
    fn two_seals_of_one_secret_have_nothing_in_common() {
        let sealer = sealer(&format!("a:{}", key(1)));
        let (one, two) = (sealer.seal(&secret(), b"x").unwrap(), sealer.seal(&secret(), b"x").unwrap());
        assert_ne!(one.bytes[..24], two.bytes[..24]);
        assert_ne!(one.bytes[24..], two.bytes[24..]);
        let hidden = |sealed: &Sealed| !sealed.bytes.windows(4).any(|window| window == b"fake");
        assert!(hidden(&one) && hidden(&two));
    }

    #[test]
    fn the_first_key_seals_and_all_of_them_open() {
        let old = sealer(&format!("old:{}", key(1)));
        let sealed = old.seal(&secret(), b"x").unwrap();
        let both = sealer(&format!("new:{}, old:{}", key(2), key(1)));
        assert_eq!(both.present_key().unwrap(), "new");
        assert_eq!(both.open(&sealed, b"x").unwrap(), secret());
        let new = sealer(&format!("new:{}", key(2)));
        assert_eq!(new.open(&sealed, b"x"), Err(OpenRefused::UnknownKey { key_id: "old".to_owned() }));
    }

    #[test]
    fn the_same_key_by_another_id_does_not_open() {
        let sealer = sealer(&format!("a:{},b:{}", key(1), key(1)));
        let sealed = sealer.seal(&secret(), b"x").unwrap();
        let renamed = Sealed { key_id: "b".to_owned(), ..sealed };
        assert_eq!(sealer.open(&renamed, b"x"), Err(OpenRefused::Tampered));
    }

    #[test]
    fn without_keys_nothing_is_sealed() {
        let none = sealer("");
        assert!(none.keys.is_empty());
        assert!(none.seal(&secret(), b"x").unwrap_err().detail.contains("PORTICO_ENCRYPTION_KEYS"));
    }

    #[test]
    fn faults_are_told_by_their_place_and_never_quote_a_key() {
        let short = STANDARD.encode([9; 31]);
        let text = format!(
            "a:{},no-colon-fake,b:{short},ä:{},c:!!fake,d:{},a:{}",
            key(1),
            key(2),
            STANDARD.encode([0; 32]),
            key(3)
        );
        let fault = SealingKeys::parse(&text).unwrap_err();
        for place in 2..=7 {
            assert!(fault.contains(&format!("(number {place})")), "{fault}");
        }
        assert!(
            !fault.contains("fake") && !fault.contains(&short) && !fault.contains("(number 1)"),
            "{fault}"
        );
    }

    #[test]
    fn every_way_to_write_base64_is_read() {
        let bytes = [[251_u8, 255].as_slice(), &[3; 30]].concat();
        let usual = STANDARD.encode(&bytes);
        let for_urls = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&bytes);
        for written in [usual.as_str(), usual.trim_end_matches('='), &for_urls] {
            assert_eq!(SealingKeys::parse(&format!("a:{written}")).unwrap().by_id["a"][..], bytes[..]);
        }
    }

    #[test]
    fn a_made_key_is_read_back_and_its_printing_shows_its_id_alone() {
        let made = SealingKeys::generate(&SystemEntropy).unwrap();
        let keys = SealingKeys::parse(&format!("\n{}\n", made.expose())).unwrap();
        let (id, key) = made.expose().split_once(':').unwrap();
        assert_eq!(format!("{keys:?}"), format!("[{id:?}]"));
        assert!(!format!("{keys:?}").contains(key));
    }

    #[test]
    fn further_keys_open_and_an_id_of_two_keys_is_refused() {
        let first = SealingKeys::parse(&format!("new:{}", key(2))).unwrap();
        let kept = SealingKeys::parse(&format!("old:{}", key(1))).unwrap();
        let both = first.clone().open_also(&kept).unwrap();
        assert_eq!(
            (both.present.as_deref(), both.ids().collect::<Vec<_>>()),
            (Some("new"), vec!["new", "old"])
        );
        let clash = SealingKeys::parse(&format!("old:{}", key(3))).unwrap();
        assert_eq!(both.open_also(&clash).unwrap_err(), "old");
    }

    proptest! {
        #[test]
        fn not_one_bit_can_be_changed(at in 0_usize..57, bit in 0_u8..8) {
            let sealer = sealer(&format!("a:{}", key(1)));
            let mut sealed = sealer.seal(&secret(), b"x").unwrap();
            sealed.bytes[at] ^= 1 << bit;
            prop_assert_eq!(sealer.open(&sealed, b"x"), Err(OpenRefused::Tampered));
        }

        #[test]
        fn what_was_cut_does_not_open(length in 0_usize..57) {
            let sealer = sealer(&format!("a:{}", key(1)));
            let mut sealed = sealer.seal(&secret(), b"x").unwrap();
            sealed.bytes.truncate(length);
            prop_assert_eq!(sealer.open(&sealed, b"x"), Err(OpenRefused::Tampered));
        }
    }
}
