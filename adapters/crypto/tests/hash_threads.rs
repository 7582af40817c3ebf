//! The hash threads as Linux sees them. A file of its own, because its process must have no other hash threads.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{fs, num::NonZeroUsize, thread, time::Duration};

use portico_crypto::{BcryptCost, BcryptPasswords, BcryptSettings};
use portico_domain::{models::Password, ports::Passwords};

/// The niceness of every hash thread of this process.
fn niceness() -> Vec<i64> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok);
    tasks
        .filter_map(|task| fs::read_to_string(task.path().join("stat")).ok())
        .filter(|stat| stat.contains("(hash-"))
        // `nice` is the 19th field; the 3rd follows the name in parentheses.
        .filter_map(|stat| stat.split(") ").nth(1)?.split(' ').nth(16)?.parse().ok())
        .collect()
}

#[tokio::test]
async fn they_run_at_the_lowest_priority_and_end_with_their_owner() {
    let settings =
        BcryptSettings { cost: BcryptCost::LOWEST, slots: NonZeroUsize::new(3), ..BcryptSettings::default() };
    let passwords = BcryptPasswords::new(settings);
    let password = Password::to_check("obviously fake").unwrap();
    for _ in 0..6 {
        let one = passwords.verify(&password, None);
        let two = passwords.verify(&password, None);
        let three = passwords.verify(&password, None);
        let (one, two, three) = tokio::join!(one, two, three);
        assert!(one.is_ok() && two.is_ok() && three.is_ok());
    }
    assert_eq!(niceness(), [19, 19, 19]);
    drop(passwords);
    for _ in 0..500 {
        if niceness().is_empty() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("hash threads outlive their owner: {:?}", niceness());
}
