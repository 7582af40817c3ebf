use std::sync::{Arc, OnceLock};

use crate::ports::Passwords;

/// Makes the password hasher: natively its threads, on Workers its decoy.
pub type MakePasswords = Arc<dyn Fn() -> Arc<dyn Passwords> + Send + Sync>;

/// Makes the password hasher on first use, so that a process or isolate that only checks tokens never pays for it.
pub struct LazyPasswords {
    make: MakePasswords,
    made: OnceLock<Arc<dyn Passwords>>,
}

impl LazyPasswords {
    /// Takes the maker; with `lazy` off it is called at once.
    #[must_use]
    pub fn new(make: MakePasswords, lazy: bool) -> Self {
        let passwords = Self { make, made: OnceLock::new() };
        if !lazy {
            passwords.get();
        }
        passwords
    }

    /// The hasher.
    pub fn get(&self) -> &Arc<dyn Passwords> {
        self.made.get_or_init(|| (self.make)())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::ports::MockPasswords;

    fn counted() -> (Arc<AtomicU32>, MakePasswords) {
        let made = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&made);
        let make = move || {
            counter.fetch_add(1, Ordering::SeqCst);
            Arc::new(MockPasswords::new()) as Arc<dyn Passwords>
        };
        (made, Arc::new(make))
    }

    #[test]
    fn is_made_once_and_not_before_it_is_used() {
        let (made, make) = counted();
        let passwords = LazyPasswords::new(make, true);
        assert_eq!(made.load(Ordering::SeqCst), 0);
        passwords.get();
        passwords.get();
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn switched_off_it_is_made_at_start() {
        let (made, make) = counted();
        let _passwords = LazyPasswords::new(make, false);
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }
}
