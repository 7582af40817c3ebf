//! Access tokens and MACs, by what others can do to them.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use hmac::{Hmac, KeyInit, Mac};
use portico_crypto::{JwtSigner, KeyRole, StaticTokenKeys, TokenKeysConfig};
use portico_domain::{
    models::{
        AccessClaims, AccessTokenRefused, OrganizationId, Role, Secret, SessionId, Timestamp, TokenId, UserId,
    },
    ports::{MacPurpose, TokenKeys, TokenSigner},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "obviously fake secret of 32 bytes";
const OTHER_SECRET: &str = "another obviously fake secret, 38 bytes";
/// The key pair of RFC 8037, appendix A.
const SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
const PUBLIC: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const THUMBPRINT: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
const ISSUED: i64 = 1_790_000_000;
const ENDS: i64 = ISSUED + 900;
const DURING: Timestamp = Timestamp::from_seconds(ISSUED + 1);

fn config() -> TokenKeysConfig {
    TokenKeysConfig {
        secret: Secret::new(SECRET),
        previous_secrets: Vec::new(),
        ed25519: None,
        previous_ed25519_public: Vec::new(),
        issuer: "https://portico.example".to_owned(),
        audience: "portico".to_owned(),
    }
}

fn with_ed25519() -> TokenKeysConfig {
    TokenKeysConfig { ed25519: Some(Secret::new(SEED)), ..config() }
}

fn signer(config: &TokenKeysConfig) -> JwtSigner {
    JwtSigner::new(config).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn claims() -> AccessClaims {
    let at = Timestamp::from_seconds(ISSUED);
    AccessClaims {
        user_id: UserId::generate(at, [1; 10]),
        session_id: SessionId::generate(at, [2; 10]),
        token_id: TokenId::generate(at, [3; 10]),
        role: Role::Admin,
        organization_id: OrganizationId::generate(at, [4; 10]),
        issued_at: at,
        expires_at: Timestamp::from_seconds(ENDS),
    }
}

fn signed(config: &TokenKeysConfig) -> String {
    signer(config).sign(&claims()).unwrap().expose().to_owned()
}

fn part(token: &str, at: usize) -> Value {
    let part = token.split('.').nth(at).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// A token with any header and claims, signed with any key by HMAC-SHA-256.
fn forged(header: &Value, claims: &Value, key: &[u8]) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", encode(header), encode(claims));
    let tag = Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(&message).finalize().into_bytes();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn assert_invalid(signer: &JwtSigner, token: &str, why: &str) {
    assert_eq!(signer.verify(token, DURING), Err(AccessTokenRefused::Invalid), "{why}: {token}");
}

#[test]
fn both_algorithms_say_the_claims_of_the_contract_and_read_them_back() {
    for (config, algorithm) in [(config(), "HS256"), (with_ed25519(), "EdDSA")] {
        let token = signed(&config);
        assert_eq!(signer(&config).verify(&token, DURING), Ok(claims()));
        let header = part(&token, 0);
        assert_eq!((&header["alg"], &header["typ"]), (&json!(algorithm), &json!("JWT")));
        let said = part(&token, 1);
        let names: Vec<_> = said.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["aud", "exp", "iat", "iss", "jti", "org", "role", "sid", "sub"]);
        assert_eq!(said["sub"], json!(claims().user_id.to_string()));
        assert_eq!((&said["iat"], &said["exp"]), (&json!(ISSUED), &json!(ENDS)));
        assert_eq!((&said["role"], &said["aud"]), (&json!("admin"), &json!("portico")));
    }
}

#[test]
fn a_token_is_over_in_the_very_second_it_names() {
    for config in [config(), with_ed25519()] {
        let (signer, token) = (signer(&config), signed(&config));
        let last_moment = Timestamp::from_micros(ENDS * 1_000_000 - 1);
        assert!(signer.verify(&token, last_moment).is_ok());
        let end = Timestamp::from_seconds(ENDS);
        assert_eq!(signer.verify(&token, end), Err(AccessTokenRefused::Expired));
        let far_past = Timestamp::from_seconds(1_000);
        assert!(signer.verify(&token, far_past).is_ok(), "the system's clock is not asked");
    }
}

#[test]
fn no_token_is_proved_by_another_algorithm_than_its_keys() {
    let signer = signer(&with_ed25519());
    let genuine = signed(&with_ed25519());
    let claims = part(&genuine, 1);
    let public = URL_SAFE_NO_PAD.decode(PUBLIC).unwrap();
    let shared_kid = part(&signed(&config()), 0)["kid"].clone();

    let public_key_as_secret = forged(&json!({"alg": "HS256", "kid": THUMBPRINT}), &claims, &public);
    assert_invalid(&signer, &public_key_as_secret, "the public key taken for a secret");
    for algorithm in ["EdDSA", "HS384", "HS512", "RS256", "ES256", "none", "None", "nOnE", "", "hs256"] {
        let token = forged(&json!({"alg": algorithm, "kid": shared_kid}), &claims, SECRET.as_bytes());
        assert_invalid(&signer, &token, algorithm);
        let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
        assert_invalid(&signer, &unsigned, algorithm);
    }
    let as_it_should_be = forged(&json!({"alg": "HS256", "kid": shared_kid}), &claims, SECRET.as_bytes());
    assert!(signer.verify(&as_it_should_be, DURING).is_ok(), "the forgeries fail for their algorithm alone");
}

#[test]
fn a_token_must_name_a_known_key_and_ask_for_nothing_more() {
    let signer = signer(&config());
    let token = signed(&config());
    let (header, claims) = (part(&token, 0), part(&token, 1));
    let kid = &header["kid"];
    for header in [
        json!({"alg": "HS256"}),
        json!({"alg": "HS256", "kid": "unknown"}),
        json!({"alg": "HS256", "kid": 7}),
        json!({"alg": "HS256", "kid": kid, "crit": ["b64"], "b64": false}),
        json!({"alg": "HS256", "kid": kid, "crit": []}),
        json!({"kid": kid}),
        json!([]),
    ] {
        assert_invalid(&signer, &forged(&header, &claims, SECRET.as_bytes()), "header");
    }
}

#[test]
fn claims_must_be_ours_and_whole() {
    let signer = signer(&config());
    let token = signed(&config());
    let (header, genuine) = (part(&token, 0), part(&token, 1));
    let changes = [
        ("iss", json!("https://evil.example")),
        ("iss", json!(["https://portico.example"])),
        ("aud", json!("another service")),
        ("aud", json!(["portico"])),
        ("aud", Value::Null),
        ("exp", json!("1790000900")),
        ("exp", json!(1.5e9)),
        ("exp", Value::Null),
        ("sub", json!("not an id")),
        ("role", json!("owner")),
        ("sid", Value::Null),
    ];
    for (name, value) in changes {
        let mut claims = genuine.clone();
        claims[name] = value;
        assert_invalid(&signer, &forged(&header, &claims, SECRET.as_bytes()), name);
        claims.as_object_mut().unwrap().remove(name);
        assert_invalid(&signer, &forged(&header, &claims, SECRET.as_bytes()), name);
    }
    assert!(signer.verify(&forged(&header, &genuine, SECRET.as_bytes()), DURING).is_ok());
    let others = TokenKeysConfig { issuer: "https://other.example".to_owned(), ..config() };
    let late = Timestamp::from_seconds(ENDS + 1);
    assert_eq!(
        signer.verify(&signed(&others), late),
        Err(AccessTokenRefused::Invalid),
        "never ours, so not expired"
    );
}

#[test]
fn no_cut_or_changed_token_passes() {
    for config in [config(), with_ed25519()] {
        let (signer, token) = (signer(&config), signed(&config));
        for at in 0..token.len() {
            assert_invalid(&signer, &token[..at], "cut");
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_invalid(&signer, &String::from_utf8(changed).unwrap(), "changed");
        }
        assert_invalid(&signer, &format!("{token}."), "a part too many");
        assert_invalid(&signer, &format!("{token}="), "padded");
        assert_invalid(&signer, &"a".repeat(1 << 20), "long");
    }
}

#[test]
fn a_previous_secret_is_honoured_until_it_is_taken_out() {
    let before = config();
    let during = TokenKeysConfig {
        secret: Secret::new(OTHER_SECRET),
        previous_secrets: vec![Secret::new(SECRET)],
        ..config()
    };
    let after = TokenKeysConfig { secret: Secret::new(OTHER_SECRET), ..config() };
    let old_token = signed(&before);
    let old_mac = signer(&before).mac(MacPurpose::RefreshToken, b"message");

    assert!(signer(&during).verify(&old_token, DURING).is_ok());
    assert!(signer(&during).mac_is_valid(MacPurpose::RefreshToken, b"message", &old_mac));
    assert_invalid(&signer(&after), &old_token, "retired");
    assert!(!signer(&after).mac_is_valid(MacPurpose::RefreshToken, b"message", &old_mac));
    assert!(signer(&after).verify(&signed(&during), DURING).is_ok(), "what is new is made with what is new");
    let new_mac = signer(&during).mac(MacPurpose::RefreshToken, b"message");
    assert!(signer(&after).mac_is_valid(MacPurpose::RefreshToken, b"message", &new_mac));
}

#[test]
fn changing_to_eddsa_and_to_another_key_signs_nobody_out() {
    let seed = URL_SAFE_NO_PAD.encode([7; 32]);
    let next = TokenKeysConfig {
        ed25519: Some(Secret::new(seed)),
        previous_ed25519_public: vec![PUBLIC.to_owned()],
        ..config()
    };
    assert!(signer(&next).verify(&signed(&config()), DURING).is_ok());
    assert!(signer(&next).verify(&signed(&with_ed25519()), DURING).is_ok());
    assert_invalid(&signer(&with_ed25519()), &signed(&next), "not yet known there");
    let published = signer(&next).public_keys();
    assert_eq!(published.len(), 2);
    assert_eq!(published[0].key_id, part(&signed(&next), 0)["kid"]);
    assert_eq!(published[1].key_id, THUMBPRINT);
}

#[test]
fn ed25519_keys_are_named_and_published_as_rfc_8037_does() {
    let signer = signer(&with_ed25519());
    let [published] = &signer.public_keys()[..] else { panic!("one key signs") };
    assert_eq!(published.key_id, THUMBPRINT);
    assert_eq!(URL_SAFE_NO_PAD.encode(published.ed25519), PUBLIC);
    assert!(self::signer(&config()).public_keys().is_empty(), "a shared secret is never published");
}

#[test]
fn ed25519_keys_are_read_in_every_form_they_are_written_in() {
    let der = |prefix: &[u8], key: &str| [prefix, &URL_SAFE_NO_PAD.decode(key).unwrap()].concat();
    let pem = |label: &str, der: &[u8], end: &str| {
        format!("-----BEGIN {label}-----{end}{}{end}-----END {label}-----{end}", STANDARD.encode(der))
    };
    let pkcs8 = der(b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", SEED);
    let spki = der(b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", PUBLIC);
    let standard = |key: &str| STANDARD.encode(URL_SAFE_NO_PAD.decode(key).unwrap());
    for text in [pem("PRIVATE KEY", &pkcs8, "\n"), pem("PRIVATE KEY", &pkcs8, "\\n"), standard(SEED)] {
        let config = TokenKeysConfig { ed25519: Some(Secret::new(text)), ..config() };
        assert_eq!(signer(&config).public_keys()[0].key_id, THUMBPRINT);
    }
    for text in [pem("PUBLIC KEY", &spki, "\n"), pem("PUBLIC KEY", &spki, "\\n"), standard(PUBLIC)] {
        let config = TokenKeysConfig { previous_ed25519_public: vec![text], ..config() };
        assert!(signer(&config).verify(&signed(&with_ed25519()), DURING).is_ok());
    }
}

#[tokio::test]
async fn every_fault_is_told_at_once_and_none_tells_the_key() {
    let faulty = TokenKeysConfig {
        secret: Secret::new("short-fake"),
        previous_secrets: vec![Secret::new(SECRET), Secret::new("x".repeat(31))],
        ed25519: Some(Secret::new("fake-not-a-key")),
        previous_ed25519_public: vec![STANDARD.encode([0; 32]), PUBLIC.to_owned()],
        ..config()
    };
    let faults = faulty.faults();
    let roles: Vec<_> = faults.iter().map(|fault| fault.role).collect();
    assert_eq!(
        roles,
        [KeyRole::Secret, KeyRole::PreviousSecret(1), KeyRole::Ed25519, KeyRole::PreviousEd25519Public(0)]
    );
    assert_eq!(
        faults[0].to_string(),
        "the token secret has 10 bytes and needs 32 at least, because a signature is no stronger than its secret"
    );
    let refused = StaticTokenKeys::new(faulty).resolve().await.err().unwrap();
    assert!(!refused.detail.contains("fake"), "{refused}");
    assert!(StaticTokenKeys::new(config()).resolve().await.is_ok());
    assert_eq!(config().faults(), []);
    let exactly = TokenKeysConfig { secret: Secret::new("x".repeat(32)), ..config() };
    assert_eq!(exactly.faults(), []);
}

#[test]
fn macs_are_those_of_the_first_release() {
    // Computed by another implementation of HKDF and HMAC. Other values would end every session and void every cursor.
    let known = [
        (MacPurpose::RefreshToken, "c59197a555b80ebd4b6dde1063c943b0471a5c38a3bf8c24d274026efb51338e"),
        (MacPurpose::RefreshSuccessor, "9795e917a7c9dfe81407da536b38b10cc99c9b51d4edcd5903ea7e55abd226de"),
        (MacPurpose::Cursor, "7db081fb5a6344294cdaf0c187106ed43764f3c5150f87dbcdd76542cdde1d91"),
        (MacPurpose::OAuthState, "53f439f2382bbbb4f46c10900078a66f7c1cef304a4af71f49da885a32794a48"),
        (MacPurpose::OAuthVerifier, "f29d13766901b45edda7b2be6c99b1272a4546755b73af324f2d4f5baa109122"),
    ];
    let signer = signer(&with_ed25519());
    for (purpose, expected) in known {
        let tag = signer.mac(purpose, b"message");
        assert_eq!(portico_domain::models::Digest(tag).to_hex(), expected, "{purpose:?}");
        assert!(signer.mac_is_valid(purpose, b"message", &tag));
        assert!(!signer.mac_is_valid(purpose, b"massage", &tag));
        assert!(!signer.mac_is_valid(purpose, b"message", &tag[..31]));
        for (other, _) in known {
            assert_eq!(signer.mac_is_valid(other, b"message", &tag), other == purpose, "{other:?}");
        }
    }
    assert_eq!(part(&signed(&config()), 0)["kid"], "QyyUVZVAEbDh");
}

proptest! {
    #[test]
    fn arbitrary_text_is_never_a_token(text in "\\PC{0,200}", dotted in "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}") {
        let signer = signer(&config());
        prop_assert_eq!(signer.verify(&text, DURING), Err(AccessTokenRefused::Invalid));
        prop_assert_eq!(signer.verify(&dotted, DURING), Err(AccessTokenRefused::Invalid));
    }
}
