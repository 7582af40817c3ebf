//! What Redis does in one step each, as Lua.

use std::sync::LazyLock;

use redis::{Script, ScriptInvocation};

use crate::link::Link;

/// The hash that keeps the fence.
const FENCE: &str = "{portico}:fence";
/// Where invalidations in a database are told: channels, unlike keys, are the whole server's.
pub(crate) fn channel(database: i64) -> String {
    format!("{{portico}}:invalidations:{database}")
}

macro_rules! after_the_fence {
    ($name:ident, $file:literal, $doc:literal) => {
        #[doc = $doc]
        pub(crate) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!(include_str!("scripts/fence.lua"), include_str!($file))));
    };
}

after_the_fence!(GET, "scripts/get.lua", "Reads an entry and takes a mark.");
after_the_fence!(
    SET,
    "scripts/set.lua",
    "Keeps an entry, unless something that it depends on was invalidated."
);
after_the_fence!(DELETE, "scripts/delete.lua", "Invalidates, and tells everybody.");
after_the_fence!(JOIN, "scripts/join.lua", "Takes a number larger than that of any load before.");
after_the_fence!(BEAT, "scripts/beat.lua", "Shows that somebody is there.");

/// Decides one attempt.
pub(crate) static ADMIT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/admit.lua")));

/// A script of the cache for the server's life that a link reached. Its own keys and arguments follow.
pub(crate) fn fenced(script: &'static Script, link: &Link) -> ScriptInvocation<'static> {
    let mut invocation = script.prepare_invoke();
    invocation.key(FENCE).arg(&*link.life);
    invocation
}
